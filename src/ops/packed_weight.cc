#include "ops/packed_weight.h"

#include <ATen/Parallel.h>
#include <ATen/native/CPUBlas.h>

#include <algorithm>
#include <vector>

#include "ops/gemm.h"
#include "ops/lanes.h"
#include "ops/panel_pack.h"

namespace swift::ops {
namespace {

using at::Tensor;
using c10::BFloat16;

constexpr int64_t kRows = 64;  // rows of one micro-kernel call

class Panels : public QuantizedWeight {
 public:
  explicit Panels(const Tensor& w)
      : QuantizedWeight(w.sizes(), at::kBFloat16),
        out_(w.size(0)),
        in_(w.size(1)),
        panels_((out_ + kPanel - 1) / kPanel),
        memory_(at::empty({panels_, in_ / 2, kPanel}, at::kInt)) {
    const Tensor dense = w.contiguous();
    const auto* from = reinterpret_cast<const uint32_t*>(dense.const_data_ptr<BFloat16>());
    at::parallel_for(0, panels_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        const int64_t width = std::min(kPanel, out_ - p * kPanel);
        if (width < kPanel) std::fill(panel(p), panel(p) + in_ / 2 * kPanel, 0U);
        pack_transposed(from + p * kPanel * in_ / 2, in_ / 2, width, in_ / 2, panel(p));
      }
    });
  }

  Tensor unpack(at::ScalarType type) const override {
    Tensor w = at::empty({out_, in_}, at::kBFloat16);
    auto* to = reinterpret_cast<uint32_t*>(w.data_ptr<BFloat16>());
    at::parallel_for(0, panels_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) {
        const int64_t width = std::min(kPanel, out_ - p * kPanel);
        for (int64_t c = 0; c < width; ++c) {
          for (int64_t pair = 0; pair < in_ / 2; ++pair)
            to[(p * kPanel + c) * in_ / 2 + pair] = panel(p)[pair * kPanel + c];
        }
      }
    });
    return w.to(type);
  }

  int64_t bytes() const override { return bytes_of(memory_); }

  Tensor product(const Tensor& x, const Tensor& bias) const override {
    std::vector<float> shift(static_cast<size_t>(panels_ * kPanel), 0.0F);
    if (bias.defined()) {
      const Tensor wide = bias.to(at::kFloat).contiguous();
      std::copy_n(wide.const_data_ptr<float>(), out_, shift.begin());
    }
    return run<BFloat16>(x.to(at::kBFloat16), shift);
  }

  Tensor logits(const Tensor& x) const override {
    return run<float>(x.to(at::kBFloat16), std::vector<float>(static_cast<size_t>(panels_ * kPanel), 0.0F));
  }

 private:
  uint32_t* panel(int64_t index) const {
    return reinterpret_cast<uint32_t*>(memory_.data_ptr<int32_t>()) + index * (in_ / 2 * kPanel);
  }

  template <class Out>
  Tensor run(const Tensor& x_in, const std::vector<float>& shift) const {
    const Tensor x = x_in.contiguous();
    const int64_t rows = x.size(0);
    Tensor y = at::empty({rows, out_}, x.options().dtype(c10::CppTypeToScalarType<Out>::value));
    const auto* in = x.const_data_ptr<BFloat16>();
    Out* to = y.data_ptr<Out>();
    at::parallel_for(0, panels_, 1, [&](int64_t begin, int64_t end) {
      const Tensor tile_memory = at::empty({kRows, kPanel}, at::kFloat);
      auto* tile = tile_memory.data_ptr<float>();
      for (int64_t p = begin; p < end; ++p) {
        const int64_t first = p * kPanel, width = std::min(kPanel, out_ - first);
        for (int64_t row = 0; row < rows; row += kRows) {
          const int64_t height = std::min(kRows, rows - row);
          at::native::cpublas::brgemm(height, kPanel, in_, in_, kPanel, kPanel, false, in + row * in_,
                                      reinterpret_cast<const BFloat16*>(panel(p)), tile, true);
          for (int64_t r = 0; r < height; ++r) {
            for_lanes(0, width, [&](int64_t i, int64_t n) {
              store(to + (row + r) * out_ + first + i,
                    load(tile + r * kPanel + i, n) + load(shift.data() + first + i, n), n);
            });
          }
        }
      }
      at::native::cpublas::brgemm_release();
    });
    return y;
  }

  int64_t out_, in_, panels_;
  Tensor memory_;  // (panels, in / 2, kPanel) words
};

// The weight as it is: fp32, fp16, or a machine without the panel kernels.
class Plain : public QuantizedWeight {
 public:
  explicit Plain(const Tensor& w) : QuantizedWeight(w.sizes(), w.scalar_type()), w_(w.contiguous()) {}
  Tensor unpack(at::ScalarType type) const override { return w_.to(type); }
  int64_t bytes() const override { return bytes_of(w_); }

  Tensor product(const Tensor& x, const Tensor& bias) const override {
    Tensor y = sums(x);
    if (bias.defined()) y.add_(bias.to(at::kFloat));
    return y.to(x.scalar_type());
  }

  Tensor logits(const Tensor& x) const override { return sums(x); }

 private:
  Tensor sums(const Tensor& x_in) const {
    const Tensor x = x_in.to(at::kFloat).contiguous();
    const int64_t rows = x.size(0), out = w_.size(0), in = w_.size(1);
    Tensor y = at::empty({rows, out}, x.options());
    const float* from = x.const_data_ptr<float>();
    float* to = y.data_ptr<float>();
    AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, w_.scalar_type(), "row_product", [&] {
      const auto* w = w_.const_data_ptr<scalar_t>();
      at::parallel_for(0, out, 16, [&](int64_t begin, int64_t end) {
        for (int64_t column = begin; column < end; ++column) {
          for (int64_t row = 0; row < rows; ++row) {
            Floats total = {};
            for_lanes(0, in, [&](int64_t i, int64_t n) {
              total += load(from + row * in + i, n) * load(w + column * in + i, n);
            });
            to[row * out + column] = sum(total);
          }
        }
      });
    });
    return y;
  }

  Tensor w_;
};

}  // namespace

QuantizedPtr pack_weight(const Tensor& w) {
  const at::NoGradGuard no_grad;
  const bool panels =
      w.is_cpu() && w.scalar_type() == at::kBFloat16 && w.size(1) % 2 == 0 && has_panel_gemm();
  if (panels) return c10::make_intrusive<Panels>(w.detach());
  return c10::make_intrusive<Plain>(w.detach());
}

}  // namespace swift::ops
