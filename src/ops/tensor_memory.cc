#include "ops/tensor_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "base/page_arena.h"

namespace swift::ops {
namespace {

constexpr size_t kAlignment = 64;  // a cache line, and a vector of AVX-512
constexpr size_t kLarge = size_t{128} << 10;
constexpr uint8_t kPriority = 255;

// Addresses for a few times the machine's memory: free segments keep theirs.
size_t reserved_bytes() {
  const size_t memory =
      static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGE_SIZE));
  return std::max(memory * 8, size_t{64} << 30);
}

base::PageArena& arena() {
  static base::PageArena one(reserved_bytes());
  return one;
}

// What malloc gave lies before the tensor's first byte: LibTorch wants a block to be freed by its address.
void release(void* data) {
  if (data == nullptr) return;
  if (arena().owns(data)) return arena().release(data);
  std::free(static_cast<void**>(data)[-1]);
}

class TensorMemory final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    const c10::Device cpu(c10::DeviceType::CPU);
    if (bytes == 0) return {nullptr, nullptr, &release, cpu};
    if (bytes >= kLarge) {
      if (void* data = arena().allocate(bytes)) return {data, data, &release, cpu};
    }
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

void use_tensor_arena() {
  arena();
  static TensorMemory allocator;
  c10::SetCPUAllocator(&allocator, kPriority);
}

void return_free_memory() {
  arena().trim();
}

}  // namespace swift::ops
