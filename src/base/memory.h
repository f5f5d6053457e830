// How much memory this process has and may have.
#pragma once
#include <cstdint>
#include <string>

namespace swift::base {

// VmRSS, bytes.
int64_t resident_bytes();

struct MemoryLimit {
  int64_t bytes = 0;   // 0: unknown
  std::string origin;  // "the control group's limit", "available memory"
};
// What this process may come to: the control group's limit or the machine's available memory with what the
// process holds already, whichever is less.
MemoryLimit memory_limit();

}  // namespace swift::base
