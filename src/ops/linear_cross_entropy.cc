#include "ops/linear_cross_entropy.h"

#include <algorithm>
#include <cmath>

#include "ops/fast_math.h"
#include "ops/linear.h"

namespace swift::ops {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// fp32 logits of one chunk stay below this many bytes.
constexpr int64_t kChunkBytes = int64_t{96} << 20;

int64_t chunk_rows(int64_t vocab) {
  return std::clamp<int64_t>(kChunkBytes / (vocab * 4) / 16 * 16, 16, 2048);
}

// Per row: loss = logsumexp(z) - z[label]; z becomes scale * (softmax(z) - onehot(label)), in place.
void losses_and_gradients(Tensor& z, const Tensor& labels, float scale, Tensor& losses) {
  const int64_t vocab = z.size(1);
  float* data = z.data_ptr<float>();
  const int64_t* label = labels.const_data_ptr<int64_t>();
  float* loss = losses.data_ptr<float>();
  at::parallel_for(0, z.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float* values = data + row * vocab;
      float largest = -INFINITY;
#pragma omp simd reduction(max : largest)
      for (int64_t i = 0; i < vocab; ++i) largest = std::max(largest, values[i]);
      const float target = values[label[row]];
      double total = 0;
      constexpr int64_t kBlock = 1024;  // fp32 partial sums short enough to stay exact to 1e-7
      for (int64_t start = 0; start < vocab; start += kBlock) {
        float part = 0;
        const int64_t stop = std::min(vocab, start + kBlock);
#pragma omp simd reduction(+ : part)
        for (int64_t i = start; i < stop; ++i) {
          values[i] = fast_exp(values[i] - largest);
          part += values[i];
        }
        total += part;
      }
      loss[row] = static_cast<float>(std::log(total) + largest - target);
      const float factor = static_cast<float>(scale / total);
#pragma omp simd
      for (int64_t i = 0; i < vocab; ++i) values[i] *= factor;
      values[label[row]] -= scale;
    }
  });
}

struct CrossEntropyFunction : torch::autograd::Function<CrossEntropyFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& h, const Tensor& w, const Tensor& labels,
                        double scale) {
    const Tensor rows = at::nonzero(labels != kIgnoreLabel).squeeze(1);
    const bool weight_grad = w.requires_grad();
    const Tensor kept = h.index_select(0, rows);
    const Tensor targets = labels.index_select(0, rows);
    Tensor dkept = at::empty_like(kept);
    Tensor dw = weight_grad ? at::zeros(w.sizes(), w.options().dtype(at::kFloat)) : Tensor();
    double sum = 0;
    const int64_t step = chunk_rows(w.size(0));
    for (int64_t first = 0; first < kept.size(0); first += step) {
      const int64_t count = std::min(step, kept.size(0) - first);
      const Tensor part = kept.narrow(0, first, count);
      Tensor z = logits(part, w);
      Tensor losses = at::empty({count}, z.options());
      losses_and_gradients(z, targets.narrow(0, first, count), static_cast<float>(scale), losses);
      sum += losses.sum(at::kDouble).item<double>();
      const Tensor dz = z.to(h.scalar_type());
      dkept.narrow(0, first, count).copy_(product_nn(dz, w));
      if (weight_grad) dw.add_(at::mm(dz.t(), part));
    }
    Tensor dh = at::zeros_like(h);
    dh.index_copy_(0, rows, dkept);
    ctx->save_for_backward({dh, weight_grad ? dw.to(w.scalar_type()) : Tensor()});
    return at::scalar_tensor(sum * scale, h.options().dtype(at::kFloat));
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const double factor = grads[0].item<double>();
    const auto scaled = [&](const Tensor& t) { return !t.defined() || factor == 1.0 ? t : t * factor; };
    return {scaled(saved[0]), scaled(saved[1]), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor LinearCrossEntropy::forward(const Tensor& h, const Tensor& w, const Tensor& labels, double scale) {
  return CrossEntropyFunction::apply(h, w, labels, scale);
}

Tensor LinearCrossEntropy::plain(const Tensor& h, const Tensor& w, const Tensor& labels, double scale) {
  const auto type = h.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const Tensor z = at::linear(h, w).to(type);
  return at::cross_entropy_loss(z, labels, {}, at::Reduction::Sum, kIgnoreLabel) * scale;
}

}  // namespace swift::ops
