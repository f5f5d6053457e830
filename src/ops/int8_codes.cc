#include "ops/int8_codes.h"

#include <algorithm>

#include "ops/lanes.h"

namespace swift::ops {
namespace {

using at::Tensor;
using Bytes = uint8_t __attribute__((vector_size(8)));

constexpr int64_t kGroup = 128;
constexpr float kLeastScale = 6.1e-5F;  // fp16's smallest that has all its bits

// One group; returns its scale.
template <class T>
c10::Half round_group(const T* values, int64_t count, uint8_t* codes) {
  Floats most = {};
  for_lanes(0, count, [&](int64_t i, int64_t n) {
    const Floats value = load(values + i, n);
    most = largest(most, largest(value, -value));
  });
  float magnitude = 0;
  for (int64_t lane = 0; lane < kLanes; ++lane) magnitude = std::max(magnitude, most[lane]);
  const c10::Half scale(std::max(magnitude / 127, kLeastScale));
  const float inverse = 1 / static_cast<float>(scale);
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding and taking it off rounds to an integer
  for_lanes(0, count, [&](int64_t i, int64_t n) {
    Floats code = (load(values + i, n) * inverse + kRound) - kRound;
    code = code > 127.0F ? splat(127.0F) : code < -127.0F ? splat(-127.0F) : code;
    const auto whole = __builtin_convertvector(__builtin_convertvector(code, Integers) + 128, Bytes);
    std::memcpy(codes + i, &whole, static_cast<size_t>(n));
  });
  return scale;
}

}  // namespace

GroupedCodes int8_codes(const Tensor& weight) {
  const at::NoGradGuard no_grad;
  const Tensor w = weight.detach().contiguous();
  const int64_t out = w.size(0), in = w.size(1), group = in % kGroup == 0 ? kGroup : in;
  GroupedCodes result{.bits = 8, .in = in, .group = group};
  result.codes = at::empty({out, in}, at::kByte);
  result.scales = at::empty({out, in / group}, at::kHalf);
  auto* codes = result.codes.data_ptr<uint8_t>();
  auto* scales = result.scales.data_ptr<c10::Half>();
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, w.scalar_type(), "int8_codes", [&] {
    const auto* from = w.const_data_ptr<scalar_t>();
    at::parallel_for(0, out * in / group, 64, [&](int64_t begin, int64_t end) {
      for (int64_t g = begin; g < end; ++g)
        scales[g] = round_group(from + g * group, group, codes + g * group);
    });
  });
  return result;
}

bool has_row_groups(const Int8Weight& weight) {
  return weight.sizes()[1] % weight.group() == 0;
}

GroupedCodes grouped(const Int8Weight& weight) {
  const at::NoGradGuard no_grad;
  const int64_t out = weight.sizes()[0], in = weight.sizes()[1];
  GroupedCodes result{.bits = 8, .in = in, .group = weight.group()};
  result.codes = weight.stored().codes.contiguous().view(at::kByte).bitwise_xor(128).view({out, in});
  result.scales = weight.stored().scales.view({out, in / weight.group()});
  return result;
}

}  // namespace swift::ops
