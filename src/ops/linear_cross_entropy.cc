#include "ops/linear_cross_entropy.h"

#include <algorithm>
#include <cmath>

#include "ops/device_ops.h"
#include "ops/lanes.h"
#include "ops/linear.h"
#include "ops/upload.h"
#include "ops/vocab_rows.h"

namespace swift::ops {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// fp32 logits of one chunk stay below this many bytes. Every chunk reads the whole head twice.
constexpr int64_t kChunkBytes = int64_t{192} << 20;

// Loss of a row of logits and dz = scale dloss/dz. z is overwritten.
//   dz_j = p_j (weight (1 - s) + s + 2 c lse) - [j = y] weight (1 - s) - s / vocab
template <class T>
float row_loss(float* z, int64_t vocab, int64_t label, double scale, const LossShape& shape, T* dz) {
  const auto [top, all] = top_and_sum(z, vocab);
  const float target = z[label];
  const double total = exponentials(z, vocab, top);
  const double lse = std::log(total) + top;
  const double right = static_cast<double>(z[label]) / total;
  const double weight = (shape.dft ? right : 1.0) * (1.0 - shape.label_smoothing);
  const double smooth = shape.label_smoothing;
  const double each = weight + smooth + 2.0 * shape.z_loss * lse;
  const auto factor = static_cast<float>(scale * each / total);
  const auto floor = static_cast<float>(scale * smooth / static_cast<double>(vocab));
  for_lanes(0, vocab, [&](int64_t i, int64_t n) { store(dz + i, load(z + i, n) * factor - floor, n); });
  dz[label] = static_cast<T>(static_cast<float>(scale * (each * right - weight)) - floor);
  const double loss =
      weight * (lse - target) + smooth * (lse - all / static_cast<double>(vocab)) + shape.z_loss * lse * lse;
  return static_cast<float>(loss);
}

// losses_and_gradients on a GPU. Smoothing and the z-loss are of basic operations on the chunk.
Tensor device_losses(const DeviceOps& device, const Tensor& z, const Tensor& labels, const Tensor& weights,
                     double scale, const LossShape& shape, at::ScalarType type, Tensor& losses) {
  const DeviceTokens tokens{z, labels, 1.0};
  const auto found = device.token_log_probs(tokens, false);
  Tensor weight = shape.dft ? found.log_probs.exp() : at::ones_like(found.log_probs);
  Tensor factor = weights.defined() ? weights : at::ones_like(weight);
  if (shape.label_smoothing == 0 && shape.z_loss == 0) {
    weight = weight * factor;
    losses.copy_(-weight * found.log_probs);
    return device.token_gradients(tokens, found.log_sums, weight * -scale, type);
  }
  weight = weight * (1.0 - shape.label_smoothing);
  const Tensor lse = found.log_sums;
  losses.copy_(factor * (-weight * found.log_probs + shape.label_smoothing * (lse - z.mean(1)) +
                         shape.z_loss * lse.square()));
  factor = factor * scale;
  const Tensor each = weight + shape.label_smoothing + 2.0 * shape.z_loss * lse;
  Tensor dz = (z - lse.unsqueeze(1)).exp_().mul_((factor * each).unsqueeze(1));
  dz.sub_((factor * (shape.label_smoothing / static_cast<double>(z.size(1)))).unsqueeze(1));
  dz.scatter_add_(1, labels.unsqueeze(1), (-factor * weight).unsqueeze(1));
  return dz.to(type);
}

// Losses (rows) and dz (rows, vocab) in the type of the hidden states; weights (rows) or undefined. dz takes
// the place of z: an element of it is written behind the reading of those of z that lie there.
Tensor losses_and_gradients(Tensor& z, const Tensor& labels, const Tensor& weights, double scale,
                            const LossShape& shape, at::ScalarType type, Tensor& losses) {
  if (const DeviceOps* device = device_ops(z))
    return device_losses(*device, z, labels, weights, scale, shape, type, losses);
  const int64_t vocab = z.size(1);
  Tensor dz = type == at::kDouble ? at::empty(z.sizes(), z.options().dtype(type)) : seen_as(z, type);
  const int64_t stride = dz.stride(0);
  float* data = z.data_ptr<float>();
  const int64_t* label = labels.const_data_ptr<int64_t>();
  const float* weight = weights.defined() ? weights.const_data_ptr<float>() : nullptr;
  float* loss = losses.data_ptr<float>();
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, type, "cross_entropy", [&] {
    auto* out = dz.data_ptr<scalar_t>();
    at::parallel_for(0, z.size(0), 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const float factor = weight == nullptr ? 1.0F : weight[row];
        loss[row] = factor * row_loss(data + row * vocab, vocab, label[row], scale * factor, shape,
                                      out + row * stride);
      }
    });
  });
  return dz;
}

// sum += part, both (vocab, hidden), sum in fp32. ATen's addition of two types makes an fp32 copy of `part`,
// as large as the sum.
void add_to(Tensor& sum, const Tensor& part) {
  if (device_ops(sum) != nullptr) {
    sum.add_(part);
    return;
  }
  float* to = sum.data_ptr<float>();
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, part.scalar_type(), "cross_entropy_sum", [&] {
    const auto* from = part.const_data_ptr<scalar_t>();
    at::parallel_for(0, sum.numel(), 1 << 15, [&](int64_t begin, int64_t end) {
      for_lanes(begin, end,
                [&](int64_t i, int64_t n) { store(to + i, load(to + i, n) + load(from + i, n), n); });
    });
  });
}

struct CrossEntropyFunction : torch::autograd::Function<CrossEntropyFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& h, const Tensor& w, const TrainedRows& trained,
                        double scale, const LossShape& shape) {
    const bool weight_grad = w.requires_grad();
    const Tensor kept = h.index_select(0, trained.rows);
    const Tensor &targets = trained.labels, &factors = trained.factors;
    Tensor losses = at::empty({kept.size(0)}, h.options().dtype(at::kFloat));
    Tensor dkept = at::empty_like(kept);
    Tensor dw = weight_grad ? at::zeros(w.sizes(), w.options().dtype(at::kFloat)) : Tensor();
    const int64_t step = cross_entropy_chunk_rows(kept.size(0), w.size(0));
    for (int64_t first = 0; first < kept.size(0); first += step) {
      const int64_t count = std::min(step, kept.size(0) - first);
      const Tensor part = kept.narrow(0, first, count);
      Tensor z = logits(part, w);
      Tensor part_losses = losses.narrow(0, first, count);
      const Tensor dz = losses_and_gradients(z, targets.narrow(0, first, count),
                                             factors.defined() ? factors.narrow(0, first, count) : Tensor(),
                                             scale, shape, h.scalar_type(), part_losses);
      dkept.narrow(0, first, count).copy_(product_nn(dz, w));
      if (weight_grad) add_to(dw, at::mm(dz.t(), part).contiguous());
    }
    if (trained.losses.defined()) Tensor(trained.losses).copy_(losses);
    Tensor dh = at::zeros_like(h);
    dh.index_copy_(0, trained.rows, dkept);
    ctx->save_for_backward({dh, weight_grad ? dw.to(w.scalar_type()) : Tensor()});
    return (losses.sum(at::kDouble) * scale).to(at::kFloat);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const bool unit = device_ops(grads[0]) == nullptr && grads[0].item<double>() == 1.0;
    const auto scaled = [&](const Tensor& t) {
      return !t.defined() || unit ? t : t * grads[0].to(t.dtype());
    };
    return {scaled(saved[0]), scaled(saved[1]), Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

int64_t cross_entropy_chunk_rows(int64_t rows, int64_t vocab) {
  const int64_t most = std::clamp<int64_t>(kChunkBytes / (vocab * 4) / 16 * 16, 16, 2048);
  const int64_t chunks = std::max<int64_t>(1, (rows + most - 1) / most);
  return std::max<int64_t>(1, (rows + chunks - 1) / chunks);
}

Tensor LinearCrossEntropy::forward(const Tensor& h, const Tensor& w, const Tensor& labels, double scale,
                                   const LossShape& shape, const TokenTerms& terms) {
  // Labels and terms lie in the host's memory, so that a GPU is not waited for.
  const Tensor asked = at::nonzero(labels != kIgnoreLabel).squeeze(1);
  const auto moved = [&](const Tensor& t) { return uploaded(t, h.device()); };
  TrainedRows trained{moved(asked), moved(labels.index_select(0, asked)), {}, {}};
  if (terms.weights.defined()) trained.factors = moved(terms.weights.index_select(0, asked));
  if (terms.losses.defined()) trained.losses = at::empty({asked.size(0)}, h.options().dtype(at::kFloat));
  const Tensor loss = forward(h, w, trained, scale, shape);
  if (terms.losses.defined())
    Tensor(terms.losses).zero_().index_copy_(0, asked, trained.losses.to(terms.losses.device()));
  return loss;
}

Tensor LinearCrossEntropy::forward(const Tensor& h, const Tensor& w, const TrainedRows& trained, double scale,
                                   const LossShape& shape) {
  return CrossEntropyFunction::apply(h, w, trained, scale, shape);
}

Tensor LinearCrossEntropy::plain(const Tensor& h, const Tensor& w, const Tensor& labels, double scale,
                                 const LossShape& shape, const TokenTerms& terms) {
  const auto type = h.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const Tensor rows = at::nonzero(labels != kIgnoreLabel).squeeze(1);
  const Tensor z = at::linear(h, w).to(type).index_select(0, rows);  // (trained, vocab)
  const Tensor lse = at::logsumexp(z, {1});
  const Tensor right = z.gather(1, labels.index_select(0, rows).unsqueeze(1)).squeeze(1) - lse;  // log p_y
  const Tensor weight = shape.dft ? right.detach().exp() : at::ones_like(right);
  Tensor loss = -(1.0 - shape.label_smoothing) * weight * right + shape.label_smoothing * (lse - z.mean(1)) +
                shape.z_loss * lse.square();
  if (terms.weights.defined()) loss = loss * terms.weights.to(type).index_select(0, rows);
  if (terms.losses.defined())
    Tensor(terms.losses).zero_().index_copy_(0, rows, loss.detach().to(terms.losses.scalar_type()));
  return loss.sum() * scale;
}

}  // namespace swift::ops
