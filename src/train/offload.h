// The optimizer's state outside of the device's memory: on the CPU tensors mapped from a file, whose pages
// leave memory between updates; a GPU build gives pinned host memory under the same interface.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>

#include "train/optimizer.h"

namespace swift::train {

// Bytes of state that are updated before their pages are let go.
constexpr int64_t kOffloadedAtOnce = int64_t{64} << 20;

class OffloadedState {
 public:
  virtual ~OffloadedState() = default;
  // Runs make() so that every large tensor it makes lies in the store. Nothing else may make tensors in other
  // threads meanwhile.
  virtual std::unique_ptr<Optimizer> build(const std::function<std::unique_ptr<Optimizer>()>& make) = 0;
  // Lets all of it leave memory; the values stay.
  virtual void release() = 0;
  virtual int64_t bytes() const = 0;
};

// In a file in `directory` that has no name there, so that nothing is left however the process ends. Throws
// base::Error(failure). Must outlive the optimizer's tensors.
std::unique_ptr<OffloadedState> file_offloaded_state(const std::filesystem::path& directory);

// Optimizer::step, releasing the state a piece at a time. store null: all at once.
void step_offloaded(Optimizer& optimizer, double learning_rate, OffloadedState* store);

}  // namespace swift::train
