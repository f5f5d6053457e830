// Device memory of the execution layer: every buffer lies between red zones, and every byte has a shadow that
// knows whether it belongs to a buffer, whether anybody wrote it, and who touched it last. Kernels built with
// -fsanitize=thread report each of their accesses here (trace.cc); the others are checked at vector loads,
// atomics, cp.async and ldmatrix only, and by AddressSanitizer.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "cuda_host/layer/stamp.h"

namespace swift::cuda_host {

#if defined(SWIFT_CUDA_HOST_TRACED)
constexpr bool kTraced = true;
#else
constexpr bool kTraced = false;
#endif

enum class Space { global, shared };
enum class Access { read, write, atomic };

class Memory {
 public:
  static constexpr size_t kCapacity = size_t{2} << 30;

  // While one lives, the host sees memory that hide() hid. Kernels and the layer itself open them.
  class Window {
   public:
    explicit Window(Memory& memory);
    ~Window();
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;

   private:
    Memory& memory_;
  };

  Memory();
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  // Zero bytes are allowed. The address is a multiple of 256; contents are garbage that reads as NaN.
  std::byte* allocate(size_t bytes, const std::string& name, Space space);
  void release(const void* data);
  // From now on the host cannot touch what was allocated, as with a GPU's memory: an access outside a window
  // is a segmentation fault.
  void hide();
  // As a copy from the host: all of it counts as written.
  void mark_written(const void* data, size_t bytes);
  // Shared memory of a new block: garbage that nobody wrote.
  void mark_garbage(const void* data, size_t bytes);
  // Who touched what is not known any more: stamps are about to be used again.
  void forget_accesses();
  // Where a cp.async that is not waited for will write.
  void mark_pending(const void* data, size_t bytes);

  bool holds(const void* address) const {
    return static_cast<size_t>(static_cast<const std::byte*>(address) - base_) < kCapacity;
  }
  // Whether [address, address + bytes) lies in one buffer of that space.
  bool inside(const void* address, size_t bytes, Space space) const;
  // An access of the running thread. Faults for what is not this layer's memory only if `must_hold`.
  void check(const void* address, size_t bytes, Access access, bool must_hold, const void* code);

 private:
  struct Region {
    size_t bytes;
    std::string name;
    Space space;
  };
  struct Shadow {
    uint64_t written, read;  // stamps of the last accesses
  };
  const Region* find(const std::byte* address, std::byte const** start) const;
  std::string describe(const void* address, size_t bytes, Access access, const void* code) const;
  void check_byte(size_t at, const void* address, size_t bytes, Access access, const void* code);
  void fill_garbage(std::byte* data, size_t bytes);
  void protect(bool visible);

  bool hides_ = false;
  int windows_ = 0;
  size_t high_ = 0;  // bytes that were ever allocated, to the end of a huge page
  std::byte* base_ = nullptr;
  uint8_t* state_ = nullptr;
  Shadow* shadow_ = nullptr;
  size_t used_ = 0;
  std::map<const std::byte*, Region> regions_;
};

}  // namespace swift::cuda_host
