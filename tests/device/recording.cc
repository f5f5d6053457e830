#include "device/recording.h"

#include <ATen/ops/from_blob.h>

#include <atomic>
#include <stdexcept>
#include <string>

#include "device/host_device.h"
#include "device/host_device_memory.h"

namespace swift::tests {
namespace {

std::atomic<Recording*> current = nullptr;

struct Underway {
  explicit Underway(Recording* recording) {
    not_in_a_recording("another one");
    current = recording;
    cuda_host::Device::get().on_launch([](std::function<void()> again) { current.load()->add(again); });
  }
  ~Underway() {
    cuda_host::Device::get().on_launch({});
    current = nullptr;
  }
};

}  // namespace

Recording* recording() {
  return current;
}

void not_in_a_recording(const char* what) {
  if (current != nullptr) throw std::logic_error(std::string("a graph cannot hold ") + what);
}

at::Tensor unowned(const at::Tensor& t) {
  if (!t.defined() || !t.is_cuda()) return t;
  return at::for_blob(t.data_ptr(), t.sizes())
      .strides(t.strides())
      .options(t.options().requires_grad(false))
      .target_device(t.device())
      .make_tensor();
}

Recording::Recording(const std::function<void()>& work) {
  const DeviceSnapshot before;
  {
    const Underway underway(this);
    work();
  }
  before.restore();
}

void Recording::replay() const {
  not_in_a_recording("a replay");
  const UncountedAllocations uncounted;
  for (const auto& step : steps_) step();
}

}  // namespace swift::tests
