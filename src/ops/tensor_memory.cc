#include "ops/tensor_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <cstdint>
#include <cstdlib>
#include <new>

namespace swift::ops {
namespace {

constexpr size_t kAlignment = 64;  // a cache line, and a vector of AVX-512
constexpr uint8_t kPriority = 255;

// What malloc gave lies before the tensor's first byte: LibTorch wants a block to be freed by its address.
void release(void* data) {
  if (data != nullptr) std::free(static_cast<void**>(data)[-1]);
}

class PlainMalloc final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    const c10::Device cpu(c10::DeviceType::CPU);
    if (bytes == 0) return {nullptr, nullptr, &release, cpu};
    // Blocks of malloc begin at 16 bytes, so at least as many lie before the aligned address.
    void* block = std::malloc(bytes + kAlignment);
    if (block == nullptr) throw std::bad_alloc();
    const auto address = (reinterpret_cast<uintptr_t>(block) + kAlignment) & ~uintptr_t{kAlignment - 1};
    void* data = reinterpret_cast<void*>(address);
    static_cast<void**>(data)[-1] = block;
    return {data, data, &release, cpu};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, size_t count) const override {
    default_copy_data(to, from, count);
  }
};

}  // namespace

void use_plain_malloc() {
  static PlainMalloc allocator;
  c10::SetCPUAllocator(&allocator, kPriority);
}

}  // namespace swift::ops
