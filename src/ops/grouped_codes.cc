#include "ops/grouped_codes.h"

#include <vector>

namespace swift::ops {
namespace {

using at::Tensor;

constexpr int64_t kRowsPerTask = 16;

// Codes of one row, one a byte.
void unpack_row(const uint8_t* packed, int64_t bits, int64_t count, uint8_t* out) {
  if (bits == 8) {
    std::copy(packed, packed + count, out);
    return;
  }
  if (bits == 4) {
    for (int64_t i = 0; i < count / 2; ++i) {
      out[2 * i] = packed[i] & 15U;
      out[2 * i + 1] = static_cast<uint8_t>(packed[i] >> 4U);
    }
    return;
  }
  const int64_t bytes = count * bits / 8;
  const uint32_t mask = (1U << bits) - 1;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t bit = i * bits, at = bit / 8;
    const uint32_t window = packed[at] | (at + 1 < bytes ? static_cast<uint32_t>(packed[at + 1]) << 8U : 0U);
    out[i] = static_cast<uint8_t>(window >> (bit % 8) & mask);
  }
}

void pack_row(const uint8_t* values, int64_t bits, int64_t count, uint8_t* out) {
  std::fill(out, out + count * bits / 8, uint8_t{0});
  for (int64_t i = 0; i < count; ++i) {
    const int64_t bit = i * bits;
    const uint32_t window = static_cast<uint32_t>(values[i]) << (bit % 8);
    out[bit / 8] = static_cast<uint8_t>(out[bit / 8] | window);
    if (window > 255) out[bit / 8 + 1] = static_cast<uint8_t>(out[bit / 8 + 1] | window >> 8U);
  }
}

template <class T>
void decode_row(const uint8_t* codes, const float* scales, const int32_t* zeros, const int32_t* groups,
                int64_t in, int64_t group, T* out) {
  if (groups != nullptr) {
    for (int64_t i = 0; i < in; ++i)
      out[i] = static_cast<T>(static_cast<float>(codes[i] - zeros[groups[i]]) * scales[groups[i]]);
    return;
  }
  for (int64_t g = 0; g < in / group; ++g) {
    for (int64_t i = g * group; i < (g + 1) * group; ++i)
      out[i] = static_cast<T>(static_cast<float>(codes[i] - zeros[g]) * scales[g]);
  }
}

}  // namespace

Tensor GroupedCodes::zero_points() const {
  return zeros.defined()
             ? zeros.to(at::kInt)
             : at::full(scales.sizes(), int64_t{1} << (bits - 1), scales.options().dtype(at::kInt));
}

Tensor pack_bits(const Tensor& values, int64_t bits) {
  const Tensor dense = values.contiguous();
  const int64_t rows = dense.size(0), count = dense.size(1), bytes = count * bits / 8;
  Tensor packed = at::empty({rows, bytes}, dense.options());
  const auto* from = dense.const_data_ptr<uint8_t>();
  auto* to = packed.data_ptr<uint8_t>();
  at::parallel_for(0, rows, kRowsPerTask, [&](int64_t first, int64_t last) {
    for (int64_t r = first; r < last; ++r) pack_row(from + r * count, bits, count, to + r * bytes);
  });
  return packed;
}

// On a device: each code lies in a window of two bytes.
Tensor unpack_windows(const Tensor& packed, int64_t bits, int64_t count) {
  const Tensor bit = at::arange(0, count * bits, bits, packed.options().dtype(at::kInt));
  const Tensor first = at::floor_divide(bit, 8);
  const Tensor low = packed.index_select(1, first).to(at::kInt);
  const Tensor high = packed.index_select(1, (first + 1).clamp_max(packed.size(1) - 1)).to(at::kInt);
  const Tensor window = low.bitwise_or(high.bitwise_left_shift(at::Scalar(8)));
  return window.bitwise_right_shift(bit.remainder(8)).bitwise_and((1 << bits) - 1).to(at::kByte);
}

Tensor unpack_bits(const Tensor& packed, int64_t bits, int64_t count) {
  if (!packed.is_cpu()) return unpack_windows(packed, bits, count);
  const Tensor dense = packed.contiguous();
  const int64_t rows = dense.size(0), bytes = dense.size(1);
  Tensor values = at::empty({rows, count}, dense.options());
  const auto* from = dense.const_data_ptr<uint8_t>();
  auto* to = values.data_ptr<uint8_t>();
  at::parallel_for(0, rows, kRowsPerTask, [&](int64_t first, int64_t last) {
    for (int64_t r = first; r < last; ++r) unpack_row(from + r * bytes, bits, count, to + r * count);
  });
  return values;
}

Tensor decode(const GroupedCodes& source, at::ScalarType type) {
  if (!source.codes.is_cpu()) return decode_plain(source, type);
  if (type == at::kDouble) return decode(source, at::kFloat).to(type);
  const int64_t out = source.out(), in = source.in, groups = in / source.group;
  const Tensor scales = source.scales.to(at::kFloat).contiguous();
  const Tensor zeros = source.zero_points().contiguous();
  Tensor values = at::empty({out, in}, scales.options().dtype(type));
  const auto* codes = source.codes.const_data_ptr<uint8_t>();
  const int64_t bytes = source.codes.size(1);
  const auto* places = source.g_idx.defined() ? source.g_idx.const_data_ptr<int32_t>() : nullptr;
  const float* scale = scales.const_data_ptr<float>();
  const auto* zero = zeros.const_data_ptr<int32_t>();
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, type, "decode", [&] {
    auto* to = values.data_ptr<scalar_t>();
    at::parallel_for(0, out, kRowsPerTask, [&](int64_t first, int64_t last) {
      std::vector<uint8_t> row(static_cast<size_t>(in));
      for (int64_t r = first; r < last; ++r) {
        unpack_row(codes + r * bytes, source.bits, in, row.data());
        decode_row(row.data(), scale + r * groups, zero + r * groups, places, in, source.group, to + r * in);
      }
    });
  });
  return values;
}

Tensor decode_plain(const GroupedCodes& source, at::ScalarType type) {
  const Tensor codes = unpack_bits(source.codes, source.bits, source.in).to(at::kFloat);
  const Tensor groups =
      source.g_idx.defined()
          ? source.g_idx.to(at::kLong)
          : at::floor_divide(at::arange(source.in, source.codes.options().dtype(at::kLong)), source.group);
  const Tensor scales = source.scales.to(at::kFloat).index_select(1, groups);
  const Tensor zeros = source.zero_points().to(at::kFloat).index_select(1, groups);
  return ((codes - zeros) * scales).to(type);
}

}  // namespace swift::ops
