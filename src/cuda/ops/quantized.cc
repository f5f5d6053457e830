// Frozen weights in 4 bits on a GPU: AWQ and GPTQ groups in the order of the kernels for few rows, blocks of
// NF4 and FP4; products of many rows on the values, which are made for each and given back after it.
#include <algorithm>

#include "cuda/dequantize.h"
#include "cuda/ops/cuda_ops.h"
#include "cuda/ops/platform.h"
#include "cuda/w4a16_striped.h"
#include "cuda/w4a16_unpack.h"
#include "ops/dynamic_map.h"

namespace swift::cuda {
using at::Tensor;
namespace {

constexpr int64_t kFewRows = 64;  // that striped_int4_linear takes
constexpr int kStripesPerProcessor = 2;

// Rows of packed 4-bit codes as words of eight, the lowest bits first.
Tensor words_of(const Tensor& packed_bytes) {
  return packed_bytes.contiguous().view(at::kInt);
}

class DeviceInt4 final : public ops::QuantizedWeight {
 public:
  DeviceInt4(const ops::GroupedCodes& stored, at::ScalarType compute, at::Device device)
      : QuantizedWeight({stored.out(), stored.in}, compute), group_(stored.group) {
    const int64_t out = stored.out(), in = stored.in, groups = in / group_;
    const auto there = at::TensorOptions(device);
    words_ = at::empty({out * in / 8}, there.dtype(at::kInt));
    scales_ = at::empty({groups, out}, there.dtype(compute));
    zeros_ = at::empty({groups, out}, there.dtype(at::kByte));
    // The layout of GPTQ's files, from which the kernel packs.
    const Tensor codes = words_of(stored.codes).t().contiguous().to(device);  // (in / 8, out)
    const Tensor zero = stored.zero_points().to(at::kByte).t().contiguous();  // (groups, out)
    const Tensor zeros = words_of(ops::pack_bits(zero, 4)).to(device);        // (groups, out / 8)
    const Tensor scales = stored.scales.t().contiguous().to(device, compute);
    Tensor g_idx;
    if (stored.g_idx.defined()) {
      const Tensor places = stored.g_idx.to(at::kInt).contiguous();
      order_ = uploaded(
          order_of_groups(places.const_data_ptr<int32_t>(), static_cast<int>(in), static_cast<int>(group_)),
          words_);
      g_idx = places.to(device);
    }
    GroupCodes source{};
    source.type = source.scale_type = type_of(scales);
    source.layout = GroupLayout::gptq;
    source.qweight = reinterpret_cast<const uint32_t*>(codes.const_data_ptr<int32_t>());
    source.qzeros = reinterpret_cast<const uint32_t*>(zeros.const_data_ptr<int32_t>());
    source.scales = scales.const_data_ptr();
    source.g_idx = g_idx.defined() ? g_idx.const_data_ptr<int32_t>() : nullptr;
    source.in = static_cast<int>(in);
    source.columns = static_cast<int>(out);
    source.group = static_cast<int>(group_);
    pack_int4(source, packed(), stream_of(words_));
  }

  Tensor unpack(at::ScalarType type) const override {
    Tensor values = at::empty(sizes(), scales_.options());
    unpack_int4(type_of(values), packed(), values.data_ptr(), stream_of(values));
    return values.to(type);
  }

  Tensor product(const Tensor& x_in, const Tensor& bias) const override {
    const Tensor x = x_in.to(compute_type()).contiguous();
    const Tensor shift = bias.defined() ? bias.to(compute_type()).contiguous() : bias;
    if (x.size(0) == 0 || x.size(0) > kFewRows)
      return at::linear(x, unpack(compute_type()), shift).to(x_in.scalar_type());
    const int64_t rows = x.size(0), out = sizes()[0], in = sizes()[1];
    Tensor y = at::empty({rows, out}, x.options());
    const Tensor ordered = order_.defined() ? at::empty_like(x) : Tensor();
    const int64_t tiles = (out + kStripeOut - 1) / kStripeOut;
    StripedInt4Linear a{};
    a.linear.type = type_of(x);
    a.linear.x = x.const_data_ptr();
    a.linear.weight = packed();
    a.linear.bias = shift.defined() ? shift.const_data_ptr() : nullptr;
    a.linear.y = y.data_ptr();
    a.linear.rows = static_cast<int>(rows);
    a.linear.ordered = ordered.defined() ? ordered.data_ptr() : nullptr;
    a.stripes = static_cast<int>(
        std::min<int64_t>(int64_t{kStripesPerProcessor} * multiprocessors(x), tiles * (in / 64)));
    const Tensor partial = at::empty({2 * a.stripes, rows, kStripeOut}, x.options().dtype(at::kFloat));
    const Tensor arrivals = at::zeros({tiles}, words_.options());
    a.partial = partial.data_ptr<float>();
    a.arrivals = arrivals.data_ptr<int32_t>();
    striped_int4_linear(a, stream_of(x));
    return y.to(x_in.scalar_type());
  }

  int64_t bytes() const override {
    return ops::bytes_of(words_) + ops::bytes_of(scales_) + ops::bytes_of(zeros_) + ops::bytes_of(order_);
  }
  at::Device device() const override { return words_.device(); }

 private:
  PackedInt4 packed() const {
    return {reinterpret_cast<uint32_t*>(words_.data_ptr<int32_t>()),
            scales_.data_ptr(),
            zeros_.data_ptr<uint8_t>(),
            static_cast<int>(sizes()[1]),
            static_cast<int>(sizes()[0]),
            static_cast<int>(group_),
            order_.defined() ? order_.const_data_ptr<int32_t>() : nullptr};
  }

  int64_t group_;
  Tensor words_, scales_, zeros_, order_;  // w4a16.h
};

// Act-order may fill groups unevenly; the kernels cut a row into whole ones.
bool has_whole_groups(const ops::GroupedCodes& stored) {
  if (!stored.g_idx.defined()) return true;
  const Tensor counts = at::bincount(stored.g_idx.to(at::kLong), {}, stored.in / stored.group);
  return counts.eq(stored.group).all().item<bool>();
}

class DeviceFourBit final : public ops::QuantizedWeight {
 public:
  DeviceFourBit(const ops::FourBitTensor& stored, ops::FourBitCode code, at::IntArrayRef sizes,
                at::ScalarType compute, at::Device device)
      : QuantizedWeight(sizes, compute), stored_(stored) {
    for (Tensor* t : {&stored_.codes, &stored_.scales, &stored_.scale_codes, &stored_.scale_magnitudes})
      if (t->defined()) *t = t->to(device);
    const auto table = [&](const auto& value_of, int64_t count) {
      Tensor values = at::empty({count}, at::kFloat);
      for (int64_t i = 0; i < count; ++i) values.data_ptr<float>()[i] = value_of(static_cast<size_t>(i));
      return values.to(device);
    };
    values_ = table([&](size_t i) { return ops::four_bit_values(code)[i]; }, 16);
    const ops::DynamicMap map(true);
    scale_values_ = table([&](size_t i) { return map.value(static_cast<uint8_t>(i)); }, 256);
  }

  Tensor unpack(at::ScalarType type) const override {
    Tensor values = at::empty(sizes(), values_.options().dtype(type));
    BlockCodes a{};
    a.type = type_of(values);
    a.codes = stored_.codes.const_data_ptr<uint8_t>();
    a.values = values_.const_data_ptr<float>();
    if (stored_.scales.defined()) {
      a.scales = stored_.scales.const_data_ptr<float>();
    } else {
      a.scale_codes = stored_.scale_codes.const_data_ptr<uint8_t>();
      a.scale_values = scale_values_.const_data_ptr<float>();
      a.scale_magnitudes = stored_.scale_magnitudes.const_data_ptr<float>();
      a.scale_offset = stored_.scale_offset;
    }
    a.out = values.data_ptr();
    a.count = values.numel();
    dequantize_blocks(a, stream_of(values));
    return values;
  }

  int64_t bytes() const override { return stored_.bytes(); }
  at::Device device() const override { return values_.device(); }

 private:
  ops::FourBitTensor stored_;
  Tensor values_, scale_values_;  // of the codes: (16), (256) fp32
};

}  // namespace

ops::QuantizedPtr CudaOps::grouped_weight(const ops::GroupedCodes& stored, at::ScalarType compute,
                                          at::Device device) const {
  const bool taken = stored.bits == 4 && stored.in % 64 == 0 && stored.out() % 16 == 0 &&
                     stored.group % 32 == 0 && compute != at::kFloat && compute != at::kDouble &&
                     has_whole_groups(stored);
  if (!taken) return {};
  return c10::make_intrusive<DeviceInt4>(stored, compute, device);
}

ops::QuantizedPtr CudaOps::four_bit_weight(const ops::FourBitTensor& stored, ops::FourBitCode code,
                                           at::IntArrayRef sizes, at::ScalarType compute,
                                           at::Device device) const {
  return c10::make_intrusive<DeviceFourBit>(stored, code, sizes, compute, device);
}

}  // namespace swift::cuda
