#include "ops/int8_weight.h"

#include <algorithm>
#include <cmath>

#include "ops/device_ops.h"
#include "ops/lanes.h"

namespace swift::ops {
namespace {

using at::Tensor;

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

// 16 random bits of element i as a number in [0, 1): a word of the stream serves four elements.
class Noise {
 public:
  explicit Noise(const base::Stream& stream) : stream_(stream) {}
  float at(int64_t i) {
    if (i / 4 != word_) word_ = i / 4, bits_ = stream_.bits(static_cast<uint64_t>(word_));
    return static_cast<float>(bits_ >> (16 * (i % 4)) & 0xFFFFU) * 0x1p-16F;
  }

 private:
  const base::Stream& stream_;
  int64_t word_ = -1;
  uint64_t bits_ = 0;
};

using Bytes = int8_t __attribute__((vector_size(8)));

template <class T>
void decode_group(const int8_t* codes, float scale, T* out, int64_t begin, int64_t end) {
  for_lanes(begin, end, [&](int64_t i, int64_t n) {
    Bytes bytes = {};
    std::memcpy(&bytes, codes + i, static_cast<size_t>(n));
    const Integers wide = __builtin_convertvector(bytes, Integers);
    store(out + i, __builtin_convertvector(wide, Floats) * splat(scale), n);
  });
}

}  // namespace

Int8Tensor int8_zeros(at::IntArrayRef sizes, int64_t group, const at::TensorOptions& options) {
  const int64_t count = c10::multiply_integers(sizes);
  return {at::zeros(sizes, options.dtype(at::kChar)),
          at::zeros({groups_of(count, group)}, options.dtype(at::kFloat))};
}

namespace {

// Of a device that has kernels for such groups, else null.
const DeviceOps* device_of(const Int8Tensor& stored, int64_t group) {
  return group % 4 == 0 ? device_ops(stored.codes) : nullptr;
}

GroupCodes codes_of(const Int8Tensor& stored, int64_t group) {
  return {stored.codes, stored.scales, {}, group};
}

}  // namespace

void int8_encode(const Tensor& values, int64_t group, const base::Stream* noise, Int8Tensor& target) {
  const Tensor dense = values.contiguous();
  const float* in = dense.const_data_ptr<float>();
  auto* codes = target.codes.data_ptr<int8_t>();
  float* scales = target.scales.data_ptr<float>();
  for_groups(dense.numel(), group, [&](int64_t g, int64_t begin, int64_t end) {
    float magnitude = 0;
    for (int64_t i = begin; i < end; ++i) magnitude = std::max(magnitude, std::abs(in[i]));
    const float inverse = magnitude > 0 ? 127 / magnitude : 0;
    scales[g] = magnitude / 127;
    if (noise == nullptr) {
      for (int64_t i = begin; i < end; ++i) codes[i] = static_cast<int8_t>(std::nearbyint(in[i] * inverse));
      return;
    }
    Noise random(*noise);
    for (int64_t i = begin; i < end; ++i) {
      const float exact = in[i] * inverse;
      const float floor = std::floor(exact);
      const float code = floor + (random.at(i) < exact - floor ? 1.0F : 0.0F);
      codes[i] = static_cast<int8_t>(std::clamp(code, -127.0F, 127.0F));
    }
  });
}

Tensor int8_decode(const Int8Tensor& source, int64_t group, at::ScalarType type) {
  if (type == at::kDouble) return int8_decode(source, group).to(type);
  if (const DeviceOps* device = device_of(source, group))
    return device->decode_int8(codes_of(source, group), type);
  if (!source.codes.is_cpu()) {
    const Tensor scales = source.scales.unsqueeze(1).expand({-1, group}).reshape({-1});
    return (source.codes.to(at::kFloat) * scales.narrow(0, 0, source.codes.numel()).view_as(source.codes))
        .to(type);
  }
  Tensor values = at::empty(source.codes.sizes(), source.scales.options().dtype(type));
  const auto* codes = source.codes.const_data_ptr<int8_t>();
  const float* scales = source.scales.const_data_ptr<float>();
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, type, "int8_decode", [&] {
    auto* out = values.data_ptr<scalar_t>();
    for_groups(values.numel(), group, [&](int64_t g, int64_t begin, int64_t end) {
      decode_group(codes, scales[g], out, begin, end);
    });
  });
  return values;
}

Int8Weight::Int8Weight(const Tensor& weight, int64_t group, at::ScalarType compute)
    : QuantizedWeight(weight.sizes(), compute),
      group_(group),
      stored_(int8_zeros(weight.sizes(), group, weight.options())) {
  assign(weight.detach().to(at::kFloat));
}

Int8Weight::Int8Weight(Int8Tensor stored, int64_t group, at::ScalarType compute)
    : QuantizedWeight(stored.codes.sizes(), compute), group_(group), stored_(std::move(stored)) {}

QuantizedPtr Int8Weight::to(at::Device device) const {
  return c10::make_intrusive<Int8Weight>(Int8Tensor{stored_.codes.to(device), stored_.scales.to(device)},
                                         group_, compute_type());
}

void Int8Weight::assign(const Tensor& values) {
  const at::NoGradGuard no_grad;
  if (const DeviceOps* device = device_of(stored_, group_))
    return device->update_int8(codes_of(stored_, group_), values, 0, 1, nullptr);
  int8_encode(values, group_, nullptr, stored_);
}

void Int8Weight::move(const Tensor& direction, double decay, double step, const RoundingKey& noise) {
  const at::NoGradGuard no_grad;
  if (const DeviceOps* device = device_of(stored_, group_))
    return device->update_int8(codes_of(stored_, group_), direction, decay, step, &noise);
  const base::Stream stream(noise.seed, base::Purpose::rounding, noise.substream);
  const Tensor values = unpack(at::kFloat).mul_(decay).add_(direction, step);
  int8_encode(values, group_, &stream, stored_);
}

}  // namespace swift::ops
