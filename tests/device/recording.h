// CUDA graphs on the host's device. While one is recorded everything that would be queued is noted with the
// addresses that it reads and writes, as a GPU does; replaying does that again, and nothing of the host's
// code. What a capture refuses is an error here: waits, and copies from or to the host.
#pragma once
#include <functional>
#include <vector>

#include "ops/torch.h"

namespace swift::tests {

class Recording {
 public:
  // Runs `work` and takes back what it wrote.
  explicit Recording(const std::function<void()>& work);
  void replay() const;
  void add(std::function<void()> step) { steps_.push_back(std::move(step)); }

 private:
  std::vector<std::function<void()>> steps_;
};

// The one under way, or null. The thread of the backward pass adds to it too.
Recording* recording();
// Throws when a recording is under way: `what` cannot be part of one.
void not_in_a_recording(const char* what);

// A tensor over the memory of t that does not own it.
at::Tensor unowned(const at::Tensor& t);

}  // namespace swift::tests
