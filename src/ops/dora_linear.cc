#include "ops/dora_linear.h"

#include <cmath>

#include "ops/dora.h"
#include "ops/lanes.h"
#include "ops/low_rank.h"
#include "ops/low_rank_update.h"

namespace swift::ops {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// n² = squares + 2 · scale · sum_k cross_k B_k + scale² · B · gram · B^T for each column, and gain = m / n.
class NormRule {
 public:
  NormRule(const LowRank& update, const Tensor& a, const Tensor& magnitude, const Tensor& squares)
      : rank_(a.size(0)),
        columns_(update.b.size(0)),
        scale_(static_cast<float>(update.scale)),
        b_(even_rank(update.b, 1).to(at::kFloat).t().contiguous()),
        magnitude_(magnitude.contiguous()),
        squares_(squares),
        gain(at::empty_like(magnitude_)) {
    const Tensor wide = a.to(at::kFloat);
    gram_ = at::mm(wide, wide.t()).contiguous();
  }

  // See ColumnGain; products are cross_k: the rows of A times those columns of W^T.
  void operator()(const float* products, int64_t stride, int64_t first, int64_t width, float* factors) const {
    const float* b = b_.const_data_ptr<float>() + first;
    for_lanes(0, width, [&](int64_t i, int64_t n) {
      Floats linear = {}, quadratic = {};
      for (int64_t r = 0; r < rank_; ++r) {
        const Floats own = load(b + r * columns_ + i, n);
        Floats mixed = {};
        for (int64_t other = 0; other < rank_; ++other)
          mixed += gram_.const_data_ptr<float>()[r * rank_ + other] * load(b + other * columns_ + i, n);
        linear += load(products + r * stride + i, n) * own;
        quadratic += mixed * own;
      }
      const Floats square = load(squares_.const_data_ptr<float>() + first + i, n) + 2.0F * scale_ * linear +
                            scale_ * scale_ * quadratic;
      const Floats length = load(magnitude_.const_data_ptr<float>() + first + i, n);
      Floats ratio = {};
      // Rounding may take a row of zeros below zero; its norm must still divide.
      for (int64_t lane = 0; lane < n; ++lane)
        ratio[lane] = length[lane] / std::sqrt(std::max(square[lane], 1e-24F));
      store(factors + i, ratio, n);
      store(gain.data_ptr<float>() + first + i, ratio, n);
    });
  }

 private:
  int64_t rank_, columns_;
  float scale_;
  Tensor b_, gram_;  // (rank, out), (rank, rank)
  Tensor magnitude_, squares_;

 public:
  Tensor gain;  // (out)
};

struct DoraFunction : torch::autograd::Function<DoraFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& w, const Tensor& a_in,
                        const Tensor& b, const Tensor& magnitude, const Tensor& squares, double scale,
                        double dropout, const DropoutKey& key) {
    const LowRank update{a_in, b, scale, dropout, key};
    const Tensor a = even_rank(a_in, 0);
    const NormRule rule(update, a, magnitude, squares);
    Tensor h;
    const Tensor y =
        updated_product(x, w, {}, update, h,
                        {a.const_data_ptr<at::BFloat16>(), a.size(0),
                         [&rule](const float* products, int64_t stride, int64_t first, int64_t width,
                                 float* factors) { rule(products, stride, first, width, factors); }});
    ctx->save_for_backward({x, w, a_in, b, h, y, rule.gain, magnitude});
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["dropout"] = dropout;
    key.save(*ctx);
    return y;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const LowRank update{saved[2], saved[3], ctx->saved_data["scale"].toDouble(),
                         ctx->saved_data["dropout"].toDouble(), DropoutKey::saved(*ctx)};
    const Tensor &x = saved[0], &w = saved[1], &h = saved[4], &y = saved[5], &gain = saved[6];
    const auto [dz, product] = scale_rows_backward(y, grads[0].contiguous(), gain);
    const UpdateGradients g = update_gradients(dz, x, w, h, update, ctx->needs_input_grad(0),
                                               ctx->needs_input_grad(2), ctx->needs_input_grad(3));
    // y = z · m / n, so sum dy · z / n = sum dy · y / m; where m is zero so is the product.
    const Tensor divisor = at::where(saved[7] == 0, at::ones_like(saved[7]), saved[7]);
    return {g.dx, Tensor(), g.da, g.db, product / divisor, Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

bool DoraLinear::takes(const Tensor& x, const Tensor& w) {
  return runs_panels(x, w);
}

bool DoraLinear::takes(const Tensor& w) {
  constexpr int64_t kManyRows = 64;
  return runs_panels(w.new_empty({1}).expand({kManyRows, w.size(1)}), w);
}

Tensor DoraLinear::forward(const Tensor& x, const Tensor& w, const LowRank& update, const Tensor& magnitude,
                           const Tensor& squares) {
  return DoraFunction::apply(x, w, update.a, update.b, magnitude, squares, update.scale, update.dropout,
                             update.dropout_key);
}

}  // namespace swift::ops
