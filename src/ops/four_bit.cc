#include "ops/four_bit.h"

#include <algorithm>
#include <cmath>

#include "ops/device_ops.h"
#include "ops/dynamic_map.h"
#include "ops/lanes.h"

namespace swift::ops {
namespace {

using at::Tensor;

constexpr int64_t kBlocksPerTask = 128;
constexpr float kLeastScale = 1e-38F;  // of a block of zeros

// Quantiles of the normal distribution that hold 0 exactly (QLoRA, appendix E).
constexpr std::array<float, 16> kNf4 = {
    -1.0F,
    -0.6961928009986877F,
    -0.5250730514526367F,
    -0.39491748809814453F,
    -0.28444138169288635F,
    -0.18477343022823334F,
    -0.09105003625154495F,
    0.0F,
    0.07958029955625534F,
    0.16093020141124725F,
    0.24611230194568634F,
    0.33791524171829224F,
    0.44070982933044434F,
    0.5626170039176941F,
    0.7229568362236023F,
    1.0F,
};

// A sign, two bits of exponent and one of mantissa, over the largest value, 12; the code of 0.0625 stands out
// of line for the smallest.
constexpr std::array<float, 16> kFp4 = {
    0.0F / 12,  0.0625F / 12,  8.0F / 12,  12.0F / 12,  4.0F / 12,  6.0F / 12,  2.0F / 12,  3.0F / 12,
    -0.0F / 12, -0.0625F / 12, -8.0F / 12, -12.0F / 12, -4.0F / 12, -6.0F / 12, -2.0F / 12, -3.0F / 12,
};

// Codes in the order of their values, and the borders between them: x has the first code whose border is not
// below it.
struct Ladder {
  std::array<uint8_t, 16> order{};
  std::array<float, 15> borders{};

  explicit Ladder(const std::array<float, 16>& values) {
    for (uint8_t i = 0; i < 16; ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](uint8_t a, uint8_t b) { return values[a] < values[b]; });
    for (size_t i = 0; i < borders.size(); ++i) borders[i] = (values[order[i]] + values[order[i + 1]]) * 0.5F;
  }

  // A fixed number of comparisons, so that the loop over values becomes vector code.
  uint8_t nearest(float x) const {
    int position = 0;
    for (const float border : borders) position += x > border ? 1 : 0;
    return order[static_cast<size_t>(position)];
  }
};

const Ladder& ladder_of(FourBitCode code) {
  static const Ladder nf4(kNf4), fp4(kFp4);
  return code == FourBitCode::nf4 ? nf4 : fp4;
}

const DynamicMap& scale_map() {
  static const DynamicMap map(true);
  return map;
}

int64_t blocks_of(int64_t count) {
  return (count + kFourBitBlock - 1) / kFourBitBlock;
}

// f(block, first element, elements).
template <class F>
void for_blocks(int64_t count, const F& f) {
  at::parallel_for(0, blocks_of(count), kBlocksPerTask, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kFourBitBlock;
      f(block, first, std::min(kFourBitBlock, count - first));
    }
  });
}

// Writes the codes of a block and returns its scale.
float encode_values(const float* values, int64_t count, const Ladder& ladder, uint8_t* packed) {
  float magnitude = 0;
  for (int64_t i = 0; i < count; ++i) magnitude = std::max(magnitude, std::abs(values[i]));
  const float inverse = 1.0F / std::max(magnitude, kLeastScale);
  std::array<uint8_t, kFourBitBlock> codes{};
  codes.fill(ladder.nearest(0));  // of what is missing in the last byte
  for (int64_t i = 0; i < count; ++i)
    codes[static_cast<size_t>(i)] = ladder.nearest(std::clamp(values[i] * inverse, -1.0F, 1.0F));
  for (size_t i = 0; i < static_cast<size_t>(count + 1) / 2; ++i)
    packed[i] = static_cast<uint8_t>(codes[2 * i] << 4 | codes[2 * i + 1]);
  return magnitude;
}

void code_scales(FourBitTensor& target) {
  const int64_t blocks = target.scales.numel();
  target.scale_offset = target.scales.mean().item<float>();
  const Tensor centred = target.scales - target.scale_offset;
  const auto options = target.scales.options();
  target.scale_codes = at::empty({blocks}, options.dtype(at::kByte));
  target.scale_magnitudes = at::empty({(blocks + kScaleBlock - 1) / kScaleBlock}, options);
  const float* in = centred.const_data_ptr<float>();
  for (int64_t i = 0; i < target.scale_magnitudes.numel(); ++i) {
    const int64_t first = i * kScaleBlock;
    target.scale_magnitudes.data_ptr<float>()[i] =
        encode_block(scale_map(), in + first, std::min(kScaleBlock, blocks - first),
                     target.scale_codes.data_ptr<uint8_t>() + first);
  }
  target.scales = Tensor();
}

// Eight codes, 4 bytes of `packed`, become eight values times the scale: two shuffles of the table.
struct Table {
  Floats lower, upper;  // values of codes 0 to 7 and 8 to 15

  explicit Table(const std::array<float, 16>& values)
      : lower(ops::load(values.data())), upper(ops::load(values.data() + 8)) {}

  Floats at(uint32_t bytes) const {
    constexpr Words kShifts = {4, 0, 12, 8, 20, 16, 28, 24};
    const Words codes = (bytes - Words{}) >> kShifts & 15U;
    return __builtin_shuffle(lower, upper, __builtin_bit_cast(Integers, codes));
  }
};

template <class T>
void decode_values(const uint8_t* packed, int64_t count, const Table& table, float scale, T* out) {
  for_lanes(0, count, [&](int64_t i, int64_t n) {
    uint32_t bytes = 0;
    std::memcpy(&bytes, packed + i / 2, static_cast<size_t>(n + 1) / 2);
    store(out + i, table.at(bytes) * splat(scale), n);
  });
}

}  // namespace

const std::array<float, 16>& four_bit_values(FourBitCode code) {
  return code == FourBitCode::nf4 ? kNf4 : kFp4;
}

Tensor FourBitTensor::decoded_scales() const {
  if (scales.defined()) return scales;
  Tensor decoded = at::empty(scale_codes.sizes(), scale_magnitudes.options());
  float* out = decoded.data_ptr<float>();
  const int64_t blocks = decoded.numel();
  for (int64_t i = 0; i < scale_magnitudes.numel(); ++i) {
    const int64_t first = i * kScaleBlock;
    decode_block(scale_map(), scale_codes.const_data_ptr<uint8_t>() + first,
                 std::min(kScaleBlock, blocks - first), scale_magnitudes.const_data_ptr<float>()[i],
                 out + first);
  }
  return decoded.add_(scale_offset);
}

FourBitTensor four_bit_encode(const Tensor& values, FourBitCode code, bool double_quant) {
  const at::NoGradGuard no_grad;
  const Tensor dense = values.detach().contiguous();
  const int64_t count = dense.numel();
  const auto options = dense.options();
  FourBitTensor target;
  target.codes = at::empty({(count + 1) / 2}, options.dtype(at::kByte));
  target.scales = at::empty({blocks_of(count)}, options.dtype(at::kFloat));
  auto* packed = target.codes.data_ptr<uint8_t>();
  auto* scales = target.scales.data_ptr<float>();
  const Ladder& ladder = ladder_of(code);
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, dense.scalar_type(), "four_bit_encode", [&] {
    const scalar_t* in = dense.const_data_ptr<scalar_t>();
    for_blocks(count, [&](int64_t block, int64_t first, int64_t length) {
      std::array<float, kFourBitBlock> wide{};
      for (int64_t i = 0; i < length; ++i) wide[static_cast<size_t>(i)] = static_cast<float>(in[first + i]);
      scales[block] = encode_values(wide.data(), length, ladder, packed + first / 2);
    });
  });
  if (double_quant) code_scales(target);
  return target;
}

Tensor four_bit_decode(const FourBitTensor& source, FourBitCode code, at::IntArrayRef sizes,
                       at::ScalarType type) {
  if (type == at::kDouble) return four_bit_decode(source, code, sizes, at::kFloat).to(type);
  const Tensor scales = source.decoded_scales();
  Tensor values = at::empty(sizes, scales.options().dtype(type));
  const uint8_t* packed = source.codes.const_data_ptr<uint8_t>();
  const float* scale = scales.const_data_ptr<float>();
  const Table table(four_bit_values(code));
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, type, "four_bit_decode", [&] {
    auto* out = values.data_ptr<scalar_t>();
    for_blocks(values.numel(), [&](int64_t block, int64_t first, int64_t length) {
      decode_values(packed + first / 2, length, table, scale[block], out + first);
    });
  });
  return values;
}

Tensor four_bit_decode_plain(const FourBitTensor& source, FourBitCode code, at::IntArrayRef sizes,
                             at::ScalarType type) {
  const Tensor scales = source.decoded_scales();
  Tensor values = at::empty(sizes, scales.options());
  for (int64_t i = 0; i < values.numel(); ++i) {
    const int bits = source.codes.const_data_ptr<uint8_t>()[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15;
    values.data_ptr<float>()[i] =
        four_bit_values(code)[static_cast<size_t>(bits)] * scales.const_data_ptr<float>()[i / kFourBitBlock];
  }
  return values.to(type);
}

int64_t FourBitTensor::bytes() const {
  return bytes_of(codes) + bytes_of(scales) + bytes_of(scale_codes) + bytes_of(scale_magnitudes);
}

QuantizedPtr FourBitWeight::to(at::Device device) const {
  const DeviceOps* kernels = device_ops(device);
  if (kernels == nullptr) return QuantizedWeight::to(device);
  return kernels->four_bit_weight(stored_, code_, sizes(), compute_type(), device);
}

}  // namespace swift::ops
