#include "cuda/device_memory.h"

#include <cstring>

#include "cuda_host/layer/grid.h"

namespace swift::cuda_test {

using cuda_host::Device;

void* allocate(size_t bytes, const std::string& name) {
  return Device::get().memory().allocate(bytes, name, cuda_host::Space::global);
}
void release(void* data) {
  Device::get().memory().release(data);
}
void upload(void* to, const void* from, size_t bytes) {
  if (bytes != 0) std::memcpy(to, from, bytes);
  Device::get().memory().mark_written(to, bytes);
}
void download(void* to, const void* from, size_t bytes) {
  if (bytes != 0) std::memcpy(to, from, bytes);
}
void set_shared_limit(size_t bytes) {
  Device::get().set_shared_limit(bytes);
}
size_t launches() {
  return Device::get().launches();
}
bool runs_hopper() {
  return true;
}
bool present(std::string&) {
  return true;
}

int orders() {
  return 3;
}
void set_order(int order) {
  Device::get().set_order(static_cast<cuda_host::Order>(order), 7);
}

}  // namespace swift::cuda_test
