// Fibres over Boost.Context's assembly: one scheduler and many fibres on one operating-system thread. A fibre
// that is given up is never unwound, so what runs in it holds no resources.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

namespace swift::cuda_host {

// Stacks of one size, each below a page that may not be touched; used again and again.
class StackPool {
 public:
  StackPool() = default;
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;
  ~StackPool();
  // Lowest address of a stack of bytes() bytes.
  std::byte* take();
  void give(std::byte* stack) { free_.push_back(stack); }
  static size_t bytes();

 private:
  std::vector<std::byte*> all_, free_;
};

class Fibre {
 public:
  // entry(argument) runs at the first resume(); when it returns the fibre is finished.
  void start(std::byte* stack, void (*entry)(void*), void* argument);
  // From the scheduler: runs until the fibre yields or ends.
  void resume();
  // From the fibre: back to the scheduler.
  void yield();
  bool finished() const { return finished_; }
  std::byte* stack() const { return stack_; }

 private:
  struct Switch;
  std::byte* stack_ = nullptr;
  void* context_ = nullptr;
  void* scheduler_ = nullptr;
  void (*entry_)(void*) = nullptr;
  void* argument_ = nullptr;
  bool finished_ = false;
  // AddressSanitizer follows the switches (sanitizer/common_interface_defs.h).
  void* own_frames_ = nullptr;
  const void* scheduler_stack_ = nullptr;
  size_t scheduler_bytes_ = 0;
};

}  // namespace swift::cuda_host
