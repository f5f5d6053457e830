#include "ops/code_panels.h"

#include <algorithm>
#include <memory>

#include "ops/attention_tiles.h"
#include "ops/code_int8.h"
#include "ops/code_kernels.h"
#include "ops/code_packing.h"
#include "ops/lanes.h"
#include "ops/matrix_tiles.h"

namespace swift::ops {
namespace {

using at::Tensor;
using c10::BFloat16;

constexpr int64_t kRowsInCache = 256;  // rows whose activations stay in L2 while the panels pass by
constexpr int64_t kVectorRows = 4;     // up to here, 8-bit products gain nothing from tiles

// Sums of each chunk of a row, in a fixed order. x (rows, inputs) to (rows, chunks).
template <class T>
void chunk_totals(const T* x, int64_t rows, const CodeLayout& layout, float* totals) {
  for (int64_t c = 0; c < rows * layout.chunks(); ++c) {
    Floats total = {};
    for_lanes(0, layout.chunk, [&](int64_t i, int64_t n) { total += load(x + c * layout.chunk + i, n); });
    totals[c] = sum(total);
  }
}

// Sums and bias (null: none), rounded once, to rows of the result.
template <class Out>
void put_rows(const float* sums, int64_t stride, const float* bias, Out* y, int64_t y_stride, int64_t rows,
              int64_t width) {
  for (int64_t r = 0; r < rows; ++r) {
    for_lanes(0, width, [&](int64_t i, int64_t n) {
      Floats value = load(sums + r * stride + i, n);
      if (bias != nullptr) value += load(bias + i, n);
      store(y + r * y_stride + i, value, n);
    });
  }
}

// Panels of a thread's share: those that lie side by side, fewer where that leaves threads without any.
int64_t share_of(const CodeLayout& layout) {
  const int64_t each = layout.panels / at::get_num_threads();
  return each >= kGroupPanels ? kGroupPanels : std::clamp<int64_t>(each, 1, 2);
}

// y (rows, outputs) by panels. kernel(): called once for each thread's share, gives what computes
// (first row, rows, panels, sums).
template <class Out, class MakeKernel>
void multiply(const CodeLayout& layout, int64_t all_rows, const float* bias, Out* y,
              const MakeKernel& kernel) {
  const int64_t share = share_of(layout), stride = share * kCodePanel;
  at::parallel_for(0, (layout.panels + share - 1) / share, 1, [&](int64_t begin, int64_t end) {
    const TileBuffer<float> sums(std::min(all_rows, kRowsInCache) * stride);
    const auto product = kernel();
    for (int64_t row = 0; row < all_rows; row += kRowsInCache) {
      const int64_t rows = std::min(kRowsInCache, all_rows - row);
      for (int64_t p = begin * share; p < std::min(layout.panels, end * share); p += share) {
        product(row, rows, PanelRange{p, std::min(layout.panels, p + share)}, CodeSums{sums.data, stride});
        const int64_t first = p * kCodePanel;
        put_rows(sums.data, stride, bias != nullptr ? bias + first : nullptr,
                 y + row * layout.outputs + first, layout.outputs, rows,
                 std::min(stride, layout.outputs - first));
      }
    }
  });
}

// What both forms of a grouped weight share: memory, types, updates.
class GroupedPanels : public QuantizedWeight {
 public:
  GroupedPanels(const GroupedCodes& source, at::ScalarType compute, bool for_int8)
      : QuantizedWeight({source.out(), source.in}, compute),
        stored_(lay_out(source, for_int8)),
        in_(source.in) {}

  Tensor unpack(at::ScalarType type) const override { return values_of(stored_, in_).to(type); }
  int64_t bytes() const override {
    return bytes_of(stored_.codes) + bytes_of(stored_.scales) + bytes_of(stored_.zeros);
  }

  Tensor product(const Tensor& x, const Tensor& bias) const override {
    const Tensor shift = bias.defined() ? bias.to(at::kFloat).contiguous() : bias;
    const bool narrow = x.scalar_type() == at::kBFloat16;
    return sums(x, shift, narrow ? at::kBFloat16 : at::kFloat).to(x.scalar_type());
  }
  Tensor logits(const Tensor& x) const override { return sums(x, {}, at::kFloat); }

  bool takes_update() const override { return compute_type() == at::kBFloat16; }
  Tensor updated_product(const Tensor& x, const Tensor& bias, const LowRankTerm& update) const override {
    Tensor y = sums(x, bias.defined() ? bias.to(at::kFloat).contiguous() : bias, at::kFloat);
    const auto factor = [&](const BFloat16* data, int64_t rows) {
      return at::from_blob(const_cast<BFloat16*>(data), {rows, update.rank}, at::TensorOptions(at::kBFloat16))
          .to(at::kFloat);
    };
    y.addmm_(factor(update.left, x.size(0)), factor(update.right, y.size(1)).t());
    return y.to(at::kBFloat16);
  }

 protected:
  // x · W^T + bias (fp32 or undefined) as bf16 or fp32.
  virtual Tensor sums(const Tensor& x, const Tensor& bias, at::ScalarType type) const = 0;

  // x (rows, in) in the compute type and the layout's order of inputs, zero behind the weight's own.
  Tensor arranged(const Tensor& x_in) const {
    Tensor x = x_in.to(compute_type());
    if (stored_.order.defined()) x = x.index_select(1, stored_.order);
    if (stored_.layout.inputs > in_) x = at::constant_pad_nd(x, {0, stored_.layout.inputs - in_});
    return x.contiguous();
  }

  template <class MakeKernel>
  Tensor multiplied(int64_t rows, const Tensor& bias, at::ScalarType type, const MakeKernel& kernel) const {
    Tensor y = at::empty({rows, stored_.layout.outputs}, type);
    const float* shift = bias.defined() ? bias.const_data_ptr<float>() : nullptr;
    if (type == at::kBFloat16) {
      multiply(stored_.layout, rows, shift, y.data_ptr<BFloat16>(), kernel);
    } else {
      multiply(stored_.layout, rows, shift, y.data_ptr<float>(), kernel);
    }
    return y;
  }

  LaidOutCodes stored_;
  int64_t in_;
};

class CodePanels final : public GroupedPanels {
 public:
  CodePanels(const GroupedCodes& source, at::ScalarType compute)
      : GroupedPanels(source, compute, false),
        kernel_(compute != at::kBFloat16 ? Kernel::lanes
                : has_matrix_tiles()     ? Kernel::tiles
                : has_vector_bf16()      ? Kernel::vector
                                         : Kernel::lanes) {}

 private:
  enum class Kernel { tiles, vector, lanes };

  template <class Product>
  auto by(const Product& product, const CodeInput& input) const {
    return [&product, &input, this] {
      return [&product, &input, this](int64_t row, int64_t rows, PanelRange panels, CodeSums to) {
        product(stored_.layout, input, row, rows, panels, to);
      };
    };
  }

  Tensor sums(const Tensor& x_in, const Tensor& bias, at::ScalarType type) const override {
    const CodeLayout& layout = stored_.layout;
    const Tensor arranged_x = arranged(x_in);
    const Tensor x = kernel_ == Kernel::lanes ? arranged_x.to(at::kFloat) : arranged_x;
    CodeInput input;
    input.rows = x.size(0);
    Tensor totals;
    if (layout.zeros != nullptr) {
      totals = at::empty({input.rows, layout.chunks()}, at::kFloat);
      const auto add = [&](const auto* data) {
        chunk_totals(data, input.rows, layout, totals.data_ptr<float>());
      };
      kernel_ == Kernel::lanes ? add(x.const_data_ptr<float>()) : add(x.const_data_ptr<BFloat16>());
      input.totals = totals.const_data_ptr<float>();
    }
    const TileBuffer<uint16_t> packed(kernel_ == Kernel::tiles ? x.numel() : 0);
    if (kernel_ == Kernel::lanes) {
      input.fp32 = x.const_data_ptr<float>();
      return multiplied(input.rows, bias, type, by(code_product_lanes, input));
    }
    input.bf16 = reinterpret_cast<const uint16_t*>(x.const_data_ptr<BFloat16>());
    if (kernel_ == Kernel::vector) return multiplied(input.rows, bias, type, by(code_product_vector, input));
    pack_left(input.bf16, input.rows, layout.inputs, packed.data);
    input.bf16 = packed.data;
    return multiplied(input.rows, bias, type, [&] {
      return [&, tiles = std::make_unique<CodeTiles>()](int64_t row, int64_t rows, PanelRange panels,
                                                        CodeSums to) {
        tiles->product(layout, input, row, rows, panels, to);
      };
    });
  }

  Kernel kernel_;
};

// Activations in 8 bits.
class Int8ActivationPanels final : public GroupedPanels {
 public:
  Int8ActivationPanels(const GroupedCodes& source, at::ScalarType compute)
      : GroupedPanels(source, compute, true) {}

 private:
  Tensor sums(const Tensor& x_in, const Tensor& bias, at::ScalarType type) const override {
    const CodeLayout& layout = stored_.layout;
    const Tensor x = arranged(x_in).to(at::kFloat);
    const int64_t rows = x.size(0), count = rows * layout.chunks();
    const Tensor scales = at::empty({count}, at::kFloat), totals = at::empty({count}, at::kInt);
    const TileBuffer<int8_t> codes(rows * layout.inputs);
    const float* from = x.const_data_ptr<float>();
    at::parallel_for(0, count, 64, [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; ++c)
        totals.data_ptr<int32_t>()[c] =
            round_chunk(from + c * layout.chunk, layout.chunk, codes.data + c * layout.chunk,
                        scales.data_ptr<float>()[c]);
    });
    const Int8Input input{rows, codes.data, nullptr, scales.const_data_ptr<float>(),
                          totals.const_data_ptr<int32_t>()};
    if (rows > kVectorRows && has_int8_tiles()) return by_tiles(input, bias, type);
    return multiplied(rows, bias, type, [&] {
      return [&](int64_t row, int64_t height, PanelRange panels, CodeSums to) {
        (has_vector_int8() ? int8_product_vector : int8_product_lanes)(layout, input, row, height, panels,
                                                                       to);
      };
    });
  }

  Tensor by_tiles(Int8Input input, const Tensor& bias, at::ScalarType type) const {
    const CodeLayout& layout = stored_.layout;
    const TileBuffer<int8_t> tiles(input.rows * layout.inputs);
    const int64_t step = int8_tile_step(layout);
    int8_t* to = tiles.data;
    for (int64_t first = 0; first < input.rows; first += kTileHeight) {
      const int64_t last = std::min(input.rows, first + kTileHeight);
      for (int64_t at = 0; at < layout.inputs; at += step) {
        for (int64_t r = first; r < last; ++r, to += step)
          std::copy_n(input.codes + r * layout.inputs + at, step, to);
      }
    }
    input.tiles = tiles.data;
    return multiplied(input.rows, bias, type, [&] {
      return [&, products = std::make_unique<Int8Tiles>()](int64_t row, int64_t rows, PanelRange panels,
                                                           CodeSums sums) {
        products->product(layout, input, row, rows, panels, sums);
      };
    });
  }
};

}  // namespace

bool can_lay_out(const GroupedCodes& source) {
  if (source.group != source.in && source.group % kCodeStep != 0) return false;
  if (!source.g_idx.defined()) return true;
  return at::bincount(source.g_idx, {}, source.in / source.group).eq(source.group).all().item<bool>();
}

QuantizedPtr lay_out_codes(const GroupedCodes& source, at::ScalarType compute, bool int8_activations) {
  const at::NoGradGuard no_grad;
  if (int8_activations) return c10::make_intrusive<Int8ActivationPanels>(source, compute);
  return c10::make_intrusive<CodePanels>(source, compute);
}

GroupedCodes int8_codes(const Tensor& weight) {
  const at::NoGradGuard no_grad;
  const int64_t out = weight.size(0), in = weight.size(1), group = in % kCodeChunk == 0 ? kCodeChunk : in;
  GroupedCodes result{.bits = 8, .in = in, .group = group};
  result.codes = at::empty({out, in}, at::kByte);
  result.scales = at::empty({out, in / group}, at::kHalf);
  constexpr int64_t kRowsAtOnce = 4096;  // a head is large
  for (int64_t first = 0; first < out; first += kRowsAtOnce) {
    const int64_t rows = std::min(kRowsAtOnce, out - first);
    const Tensor values = weight.detach().narrow(0, first, rows).to(at::kFloat).view({rows, -1, group});
    const Tensor scales = (values.abs().amax(2) / 127).clamp_min(6.1e-5).to(at::kHalf);
    const Tensor codes = (values / scales.to(at::kFloat).unsqueeze(2)).round().clamp(-127, 127) + 128;
    result.scales.narrow(0, first, rows).copy_(scales);
    result.codes.narrow(0, first, rows).copy_(codes.view({rows, in}));
  }
  return result;
}

}  // namespace swift::ops
