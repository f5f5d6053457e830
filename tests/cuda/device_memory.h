// What a test needs of a device. cuda_host/device_memory.cc is the execution layer's; cuda/device_memory.cu a
// GPU's.
#pragma once
#include <cstddef>
#include <string>

namespace swift::cuda_test {

// Aligned to 256 bytes; garbage at first.
void* allocate(size_t bytes, const std::string& name);
void release(void* data);
void upload(void* to, const void* from, size_t bytes);
// After all queued kernels.
void download(void* to, const void* from, size_t bytes);
// Kernels queued so far; 0 where they are not counted.
size_t launches();
// Bytes of shared memory a block may have under the execution layer, sm_89's 99 KiB at first; nothing on a
// GPU. For kernels that are launched on larger devices alone (sm_80 163 KiB, sm_90 227 KiB).
void set_shared_limit(size_t bytes);
// Whether kernels of sm_90a run: over the execution layer they do.
bool runs_hopper();
// False without a device, with the reason.
bool present(std::string& reason);

// Orders in which the execution layer can give threads and blocks their turns; 1 on a GPU.
int orders();
void set_order(int order);

// Runs `body` once for each.
template <class Body>
void in_every_order(Body body) {
  for (int order = 0; order < orders(); ++order) {
    set_order(order);
    body();
  }
  set_order(0);
}

}  // namespace swift::cuda_test
