#include "train/optimizers/group_quant.h"

#include <algorithm>
#include <cmath>

#include "ops/device_ops.h"

namespace swift::train {

using at::Tensor;
namespace {

constexpr float kLeastRange = 1e-5F;  // of a group of equal values
constexpr int64_t kGroupsPerTask = 64;

int64_t groups_of(int64_t count, int64_t group) {
  return (count + group - 1) / group;
}

// f(group index, first element, one past the last).
template <class F>
void for_groups(int64_t count, int64_t group, const F& f) {
  at::parallel_for(0, groups_of(count, group), kGroupsPerTask, [&](int64_t first, int64_t last) {
    for (int64_t g = first; g < last; ++g) f(g, g * group, std::min(count, (g + 1) * group));
  });
}

}  // namespace

Int4Tensor int4_zeros(int64_t count, int64_t group, const at::TensorOptions& options) {
  return {at::zeros({(count + 1) / 2}, options.dtype(at::kByte)),
          at::zeros({groups_of(count, group)}, options.dtype(at::kFloat)),
          at::zeros({groups_of(count, group)}, options.dtype(at::kByte))};
}

void int4_encode(const Tensor& values, int64_t group, Int4Tensor& target) {
  if (const ops::DeviceOps* device = ops::device_ops(values))
    return device->encode_int4(values, {target.codes, target.scales, target.zeros, group});
  const Tensor dense = values.contiguous();
  const float* in = dense.const_data_ptr<float>();
  const int64_t count = dense.numel();
  // Bytes at odd group borders belong to two groups, so codes are made apart and packed afterwards.
  Tensor codes = at::empty({count + 1}, dense.options().dtype(at::kByte));
  uint8_t* code = codes.data_ptr<uint8_t>();
  code[count] = 0;
  float* scales = target.scales.data_ptr<float>();
  uint8_t* zeros = target.zeros.data_ptr<uint8_t>();
  for_groups(count, group, [&](int64_t g, int64_t begin, int64_t end) {
    const auto [low, high] = std::minmax_element(in + begin, in + end);
    const float least = std::min(*low, 0.0F), most = std::max(*high, 0.0F);
    const float scale = std::max(most - least, kLeastRange) / 15;
    const float zero = std::clamp(-std::nearbyint(least / scale), 0.0F, 15.0F);
    for (int64_t i = begin; i < end; ++i)
      code[i] = static_cast<uint8_t>(std::clamp(std::nearbyint(in[i] / scale) + zero, 0.0F, 15.0F));
    scales[g] = scale;
    zeros[g] = static_cast<uint8_t>(zero);
  });
  uint8_t* packed = target.codes.data_ptr<uint8_t>();
  for (int64_t i = 0; i < (count + 1) / 2; ++i)
    packed[i] = static_cast<uint8_t>(code[2 * i] | code[2 * i + 1] << 4);
}

Tensor int4_decode(const Int4Tensor& source, int64_t group, at::IntArrayRef sizes) {
  if (const ops::DeviceOps* device = ops::device_ops(source.scales))
    return device->decode_int4({source.codes, source.scales, source.zeros, group}, sizes);
  Tensor values = at::empty(sizes, source.scales.options());
  float* out = values.data_ptr<float>();
  const uint8_t* packed = source.codes.const_data_ptr<uint8_t>();
  const float* scales = source.scales.const_data_ptr<float>();
  const uint8_t* zeros = source.zeros.const_data_ptr<uint8_t>();
  for_groups(values.numel(), group, [&](int64_t g, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int code = packed[i / 2] >> (i % 2 == 0 ? 0 : 4) & 15;
      out[i] = scales[g] * static_cast<float>(code - zeros[g]);
    }
  });
  return values;
}

}  // namespace swift::train
