// The execution layer as the device of src/cuda/ops: no streams, ATen's products.
#include "cuda/ops/platform.h"

#include "device/host_device_memory.h"
#include "device/recording.h"

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

int64_t peak_bytes() {
  return tests::reserved_bytes();
}

at::Tensor wide_product(const at::Tensor& x, const at::Tensor& w) {
  return at::mm(x.to(at::kFloat), w.to(at::kFloat).t());
}

namespace {

class Recorded final : public ops::DeviceGraph {
 public:
  explicit Recorded(const std::function<void()>& work) : recording_(work) {}
  void replay() override { recording_.replay(); }

 private:
  tests::Recording recording_;
};

}  // namespace

std::unique_ptr<ops::DeviceGraph> captured(const std::function<void()>& work) {
  return std::make_unique<Recorded>(work);
}

}  // namespace swift::cuda
