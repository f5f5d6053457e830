// GCC's and Clang's -fsanitize=thread puts a call before every load and store. We answer those calls
// ourselves, in place of ThreadSanitizer: so each access of a kernel through a plain pointer is checked
// (memory.h).
#include <cstddef>
#include <cstdint>

#include "cuda_host/layer/grid.h"

namespace {

using swift::cuda_host::Access;
using swift::cuda_host::Device;
using swift::cuda_host::Fault;

void traced(const void* address, size_t bytes, Access access, bool aligned, const void* code) {
  Device& device = Device::get();
  if (!device.running() || !device.memory().holds(address)) return;
  if (aligned && reinterpret_cast<uintptr_t>(address) % bytes != 0) {
    device.fail(Fault::alignment,
                "an access of " + std::to_string(bytes) + " bytes at an address not a multiple");
  }
  device.memory().check(address, bytes, access, false, code);
}

}  // namespace

#define SWIFT_TRACE(bytes)                                               \
  void __tsan_read##bytes(void* p) {                                     \
    traced(p, bytes, Access::read, true, __builtin_return_address(0));   \
  }                                                                      \
  void __tsan_write##bytes(void* p) {                                    \
    traced(p, bytes, Access::write, true, __builtin_return_address(0));  \
  }                                                                      \
  void __tsan_unaligned_read##bytes(void* p) {                           \
    traced(p, bytes, Access::read, false, __builtin_return_address(0));  \
  }                                                                      \
  void __tsan_unaligned_write##bytes(void* p) {                          \
    traced(p, bytes, Access::write, false, __builtin_return_address(0)); \
  }

extern "C" {
SWIFT_TRACE(1)
SWIFT_TRACE(2)
SWIFT_TRACE(4)
SWIFT_TRACE(8)
SWIFT_TRACE(16)
void __tsan_read_range(void* p, size_t bytes) {
  traced(p, bytes, Access::read, false, __builtin_return_address(0));
}
void __tsan_write_range(void* p, size_t bytes) {
  traced(p, bytes, Access::write, false, __builtin_return_address(0));
}
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
}
