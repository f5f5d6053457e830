// The execution layer as the device of src/cuda/ops: memory of all tensors, no streams, ATen's products.
#include "cuda/ops/platform.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <map>
#include <vector>

#include "cuda/ops/cuda_ops.h"
#include "cuda_host/layer/grid.h"
#include "device/on_device.h"

namespace swift::cuda {

Stream stream_of(const at::Tensor& /*t*/) {
  return nullptr;
}

int multiprocessors(const at::Tensor& /*t*/) {
  return 4;
}

int64_t free_bytes() {
  return int64_t{64} << 20;
}

at::Tensor wide_product(const at::Tensor& x, const at::Tensor& w) {
  return at::mm(x.to(at::kFloat), w.to(at::kFloat).t());
}

}  // namespace swift::cuda

namespace swift::tests {
namespace {

bool on_device = false;

// Memory between red zones, which knows its bounds. Blocks are used again by size: the layer's own memory
// only grows while its last buffer lives.
class LayerMemory final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, c10::Device(c10::kCPU)};
    std::vector<std::byte*>& waiting = free_[bytes];
    std::byte* data = nullptr;
    if (!waiting.empty()) {
      data = waiting.back();
      waiting.pop_back();
    } else {
      data = cuda_host::Device::get().memory().allocate(bytes, "a tensor", cuda_host::Space::global);
      sizes_[data] = bytes;
    }
    // What ATen writes is not seen.
    cuda_host::Device::get().memory().mark_written(data, bytes);
    return {data, data, &give_back, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }
  void copy_data(void* to, const void* from, size_t count) const override {
    default_copy_data(to, from, count);
  }

  static LayerMemory& get() {
    static LayerMemory memory;
    return memory;
  }

 private:
  static void give_back(void* data) {
    auto* block = static_cast<std::byte*>(data);
    get().free_[get().sizes_.at(block)].push_back(block);
  }

  std::map<size_t, std::vector<std::byte*>> free_;
  std::map<std::byte*, size_t> sizes_;
};

}  // namespace

void use_layer_memory() {
  c10::SetCPUAllocator(&LayerMemory::get(), /*priority=*/100);
}

OnDevice::OnDevice() {
  on_device = true;
}
OnDevice::~OnDevice() {
  on_device = false;
}

}  // namespace swift::tests

namespace swift::ops {

const DeviceOps* device_ops(const at::Tensor& t) {
  static const cuda::CudaOps kOps;
  return tests::on_device && t.defined() ? &kOps : nullptr;
}

}  // namespace swift::ops
