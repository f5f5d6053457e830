// Work in a process of its own: a kernel that faults or hangs spoils its device context, and with it all that
// would be measured after it.
#pragma once
#include <functional>
#include <string>

namespace swift::gpu_bench {

// How a worker ended.
struct Ending {
  bool done = false;  // the work returned
  std::string fault;  // why not: its error, a signal, the time
};

// Runs work(say) in a child made by fork(), so before this process has used the device; each line that the
// work says reaches `hear` here. A child that takes longer than `seconds` is killed. What the work throws
// becomes the fault. Throws base::Error(failure) when no process can be made.
using Say = std::function<void(const std::string& line)>;
Ending run_worker(const std::function<void(const Say&)>& work, const Say& hear, double seconds);

}  // namespace swift::gpu_bench
