// INT8 weights and INT4 projections of ops/device_update.h over cuda/q_galore.h.
#include "cuda/ops/cuda_ops.h"
#include "cuda/ops/platform.h"
#include "cuda/q_galore.h"

namespace swift::cuda {
using at::Tensor;
namespace {

Int8Groups int8_of(const ops::GroupCodes& a) {
  return {a.codes.data_ptr<int8_t>(), a.scales.data_ptr<float>(), a.codes.numel(), static_cast<int>(a.group)};
}

// count: of the values; an odd one leaves half a byte.
Int4Groups int4_of(const ops::GroupCodes& a, int64_t count) {
  return {a.codes.data_ptr<uint8_t>(), a.scales.data_ptr<float>(), a.zeros.data_ptr<uint8_t>(), count,
          static_cast<int>(a.group)};
}

}  // namespace

void CudaOps::update_int8(const ops::GroupCodes& weight, const Tensor& direction, double decay, double step,
                          const ops::RoundingKey* noise) const {
  const Tensor dense = direction.contiguous();
  Int8Update a{};
  a.weight = int8_of(weight);
  a.direction = dense.const_data_ptr<float>();
  a.decay = static_cast<float>(decay);
  a.step = static_cast<float>(step);
  a.stochastic = noise != nullptr;
  if (noise != nullptr) a.noise = {noise->seed, noise->substream};
  cuda::update_int8(a, stream_of(dense));
}

Tensor CudaOps::decode_int8(const ops::GroupCodes& weight, at::ScalarType type) const {
  const Tensor values = at::empty(weight.codes.sizes(), weight.codes.options().dtype(type));
  cuda::decode_int8(int8_of(weight), type_of(values), values.data_ptr(), stream_of(values));
  return values;
}

void CudaOps::encode_int4(const Tensor& values, const ops::GroupCodes& target) const {
  const Tensor dense = values.contiguous();
  cuda::encode_int4(dense.const_data_ptr<float>(), int4_of(target, dense.numel()), stream_of(dense));
}

Tensor CudaOps::decode_int4(const ops::GroupCodes& source, at::IntArrayRef sizes) const {
  const Tensor values = at::empty(sizes, source.scales.options());
  cuda::decode_int4(int4_of(source, values.numel()), Type::float32, values.data_ptr(), stream_of(values));
  return values;
}

}  // namespace swift::cuda
