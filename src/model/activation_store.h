// Where block inputs wait for the backward pass when they leave the device's memory: files on the CPU, pinned
// host memory on a GPU.
#pragma once
#include <filesystem>
#include <memory>

#include "ops/torch.h"

namespace swift::model {

class ActivationStore {
 public:
  virtual ~ActivationStore() = default;
  // Takes a copy of x away and returns its number. Throws base::Error(failure) when there is no room.
  virtual int64_t put(const at::Tensor& x) = 0;
  // Brings it back, bit by bit as it was, once; the one put before it is then fetched ahead. Throws
  // base::Error(failure).
  virtual at::Tensor take(int64_t number) = 0;
  // Forgets what was never taken.
  virtual void clear() = 0;
};

// A file in `directory` without a name there, so that nothing is left however the process ends. Throws
// base::Error(failure).
std::unique_ptr<ActivationStore> file_activation_store(const std::filesystem::path& directory);

}  // namespace swift::model
