// ATen's operations on the device: views and copies here, all others on copies on the CPU.
#include <ATen/EmptyTensor.h>
#include <ATen/native/CPUFallback.h>
#include <ATen/ops/_local_scalar_dense_native.h>
#include <ATen/ops/_reshape_alias_native.h>
#include <ATen/ops/as_strided_native.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/resize_native.h>
#include <ATen/ops/unfold_native.h>
#include <ATen/ops/view_native.h>
#include <torch/library.h>

#include <atomic>

#include "device/host_device.h"
#include "device/host_device_memory.h"
#include "device/recording.h"

namespace swift::tests {
namespace {

std::atomic<int64_t> waits = 0;
thread_local int fallbacks = 0;  // whose copies do not count

// A CPU tensor over the memory of t, to be used within a window.
at::Tensor seen(const at::Tensor& t) {
  if (!t.is_cuda()) return t;
  return at::from_blob(const_cast<void*>(t.const_data_ptr()), t.sizes(), t.strides(),
                       at::TensorOptions().dtype(t.dtype()));
}

// Counts the elements of t as written: runs of the dimensions that are dense together.
void mark_written(const at::Tensor& t) {
  if (t.numel() == 0) return;
  if (t.is_contiguous()) {
    layer().mark_written(t.const_data_ptr(), t.nbytes());
    return;
  }
  if (t.dim() == 1) {
    for (int64_t i = 0; i < t.size(0); ++i)
      layer().mark_written(
          static_cast<const std::byte*>(t.const_data_ptr()) + i * t.stride(0) * t.element_size(),
          t.element_size());
    return;
  }
  for (int64_t i = 0; i < t.size(0); ++i) mark_written(t.select(0, i));
}

at::Tensor empty(at::IntArrayRef sizes, std::optional<at::ScalarType> type,
                 std::optional<at::Layout> /*layout*/, std::optional<at::Device> /*device*/,
                 std::optional<bool> /*pinned*/, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(sizes, c10::GetAllocator(at::kCUDA),
                                   c10::DispatchKeySet(c10::DispatchKey::CUDA), c10::dtype_or_default(type),
                                   format);
}

at::Tensor empty_strided(at::IntArrayRef sizes, at::IntArrayRef strides, std::optional<at::ScalarType> type,
                         std::optional<at::Layout> /*layout*/, std::optional<at::Device> /*device*/,
                         std::optional<bool> /*pinned*/) {
  return at::detail::empty_strided_generic(sizes, strides, c10::GetAllocator(at::kCUDA),
                                           c10::DispatchKeySet(c10::DispatchKey::CUDA),
                                           c10::dtype_or_default(type));
}

void copy_here(const at::Tensor& to, const at::Tensor& from) {
  {
    const DeviceWindow window;
    const c10::impl::ExcludeDispatchKeyGuard below(c10::autograd_dispatch_keyset);
    seen(to).copy_(seen(from));
  }
  if (to.is_cuda()) mark_written(to);
}

at::Tensor& copy(at::Tensor& self, const at::Tensor& source, bool non_blocking) {
  if (self.numel() == 0) return self;
  const bool down = source.is_cuda() && !self.is_cuda();
  const bool up = !source.is_cuda() && self.is_cuda();
  // A copy of memory that is not pinned holds up the host too.
  if (fallbacks == 0 && (down || up)) {
    const at::Tensor& host = down ? self : source;
    if (!non_blocking || !host.is_pinned()) ++waits;
    not_in_a_recording("a copy between the device and the host");
  }
  copy_here(self, source);
  if (Recording* graph = fallbacks == 0 ? recording() : nullptr)
    graph->add([to = unowned(self), from = unowned(source)] { copy_here(to, from); });
  return self;
}

at::Scalar local_scalar(const at::Tensor& self) {
  if (fallbacks == 0) ++waits;
  if (fallbacks == 0) not_in_a_recording("the reading of a value");
  const DeviceWindow window;
  return at::native::_local_scalar_dense_cpu(seen(self));
}

const at::Tensor& resize(const at::Tensor& self, at::IntArrayRef sizes,
                         std::optional<at::MemoryFormat> format) {
  const DeviceWindow window;
  return at::native::resize_(self, sizes, format);
}

// The fallback gives results back with it.
at::Tensor copy_from_and_resize(const at::Tensor& source, const at::Tensor& to) {
  if (to.sizes() != source.sizes()) to.resize_(source.sizes());
  at::Tensor result = to;
  return result.copy_(source);
}

// A GPU's host waits for what these return, or for its shape.
bool holds_up(const std::string& name) {
  for (const char* waiting : {"aten::nonzero", "aten::masked_select", "aten::equal", "aten::_unique2",
                              "aten::is_nonzero", "aten::bincount", "aten::repeat_interleave"})
    if (name == waiting) return true;
  return false;
}

void run(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
  struct Depth {
    Depth() { ++fallbacks; }
    ~Depth() { --fallbacks; }
  } const depth;
  at::native::cpu_fallback(operation, stack);
}

// The value with tensors that own nothing.
c10::IValue unowned_value(const c10::IValue& value) {
  if (value.isTensor()) return unowned(value.toTensor());
  if (!value.isList()) return value;
  const auto list = value.toList().copy();
  for (size_t i = 0; i < list.size(); ++i) list.set(i, unowned_value(list.get(i)));
  return list;
}

// Puts what an operation returned again where it was when it was recorded.
void place(const c10::IValue& result, const c10::IValue& recorded) {
  if (result.isTensor()) {
    const at::Tensor &from = result.toTensor(), &to = recorded.toTensor();
    if (from.defined() && from.data_ptr() != to.data_ptr()) copy_here(to, from);
  } else if (result.isList()) {
    for (size_t i = 0; i < result.toListRef().size(); ++i)
      place(result.toListRef()[i], recorded.toListRef()[i]);
  }
}

void on_the_cpu(const c10::OperatorHandle& operation, torch::jit::Stack* stack) {
  const bool counts = fallbacks == 0;
  if (counts && holds_up(operation.schema().name())) {
    ++waits;
    not_in_a_recording(operation.schema().name().c_str());
  }
  Recording* graph = counts ? recording() : nullptr;
  if (graph == nullptr) return run(operation, stack);
  const auto all_unowned = [](const torch::jit::Stack& values) {
    torch::jit::Stack result;
    for (const c10::IValue& value : values) result.push_back(unowned_value(value));
    return result;
  };
  const torch::jit::Stack inputs =
      all_unowned(torch::jit::last(*stack, operation.schema().arguments().size()).vec());
  run(operation, stack);
  const size_t returned = operation.schema().returns().size();
  graph->add([operation, inputs, outputs = all_unowned(torch::jit::last(*stack, returned).vec())] {
    torch::jit::Stack again = inputs;
    run(operation, &again);
    for (size_t i = 0; i < outputs.size(); ++i) place(again[i], outputs[i]);
  });
}

TORCH_LIBRARY_IMPL(aten, CUDA, m) {
  m.impl("empty.memory_format", &empty);
  m.impl("empty_strided", &empty_strided);
  m.impl("copy_", &copy);
  m.impl("_copy_from_and_resize", &copy_from_and_resize);
  m.impl("_local_scalar_dense", &local_scalar);
  m.impl("resize_", &resize);
  m.impl("as_strided", &at::native::as_strided_tensorimpl);
  m.impl("view", &at::native::view);
  m.impl("_reshape_alias", &at::native::_reshape_alias);
  m.impl("unfold", &at::native::unfold);
}

TORCH_LIBRARY_IMPL(_, CUDA, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&on_the_cpu>());
}

}  // namespace

DeviceTraffic device_traffic() {
  return {waits, static_cast<int64_t>(cuda_host::Device::get().launches()), device_allocations()};
}

}  // namespace swift::tests
