#include "quant/awq_scale.h"

#include <cmath>
#include <limits>

namespace swift::quant {
namespace {

using at::Tensor;

constexpr int kRatios = 20;
constexpr int kClipGrid = 20;       // steps from the whole range to nothing
constexpr int kClipSteps = 10;      // of which these are tried
constexpr int64_t kClipRows = 256;  // rows at a time

// Mean over the rows of all weights of |w| / the largest of its group.
Tensor weight_mean(const ScaleGroup& group) {
  Tensor sum;
  int64_t rows = 0;
  for (size_t i = 0; i < group.weights.size(); ++i) {
    const Tensor& w = group.weights[i];
    const Tensor magnitudes = w.abs().view({w.size(0), -1, group.grids[i].group});
    const Tensor own = (magnitudes / (magnitudes.amax(-1, true) + 1e-6)).view(w.sizes()).sum(0);
    sum = sum.defined() ? sum + own : own;
    rows += w.size(0);
  }
  return sum / static_cast<double>(rows);
}

Tensor candidate(const Tensor& x_mean, const Tensor& w_mean, double ratio, bool duo) {
  const Tensor raised = x_mean.pow(ratio);
  Tensor scale = (duo ? raised / (w_mean.pow(1 - ratio) + 1e-4) : raised).clamp_min(1e-4);
  scale = scale / (scale.max() * scale.min()).sqrt();
  return at::where(scale.isfinite(), scale, at::ones_like(scale));
}

}  // namespace

ScaleChoice search_scale(const ScaleGroup& group, bool duo, const ScaleLoss& loss) {
  const auto unified = [&](const Tensor& values) { return group.unified ? group.unified(values) : values; };
  const Tensor x_mean = unified(group.x_mean), w_mean = unified(weight_mean(group));
  const auto loss_of = [&](const Tensor& scale) {
    std::vector<Tensor> changed;
    for (size_t i = 0; i < group.weights.size(); ++i) {
      const Tensor scaled = group.weights[i] * scale;
      changed.push_back(
          rounded(scaled, find_grid(scaled, group.grids[i]), group.grids[i].max_code()).div_(scale));
    }
    return loss(changed);
  };
  ScaleChoice best{at::ones_like(x_mean)};
  best.plain_loss = best.loss = loss_of(best.scale);
  for (int i = 0; i < kRatios; ++i) {
    const double ratio = static_cast<double>(i) / kRatios;
    const Tensor scale = candidate(x_mean, w_mean, ratio, duo);
    const double found = loss_of(scale);
    if (found < best.loss) best.scale = scale, best.ratio = ratio, best.loss = found;
  }
  return best;
}

ScaleLoss gram_loss(const std::vector<Tensor>& weights, const Tensor& gram) {
  return [weights, gram](const std::vector<Tensor>& changed) {
    double sum = 0;
    for (size_t i = 0; i < weights.size(); ++i) {
      const Tensor d = changed[i] - weights[i];
      sum += (at::mm(d, gram) * d).sum(at::kDouble).item<double>();
    }
    return sum;
  };
}

Tensor search_clip(const Tensor& weight, const Tensor& gram, const GridSettings& settings) {
  const int64_t in = weight.size(1), group = settings.group, groups = in / group;
  // (groups, group, group): the inputs of a group meet each other alone.
  const Tensor own =
      gram.view({groups, group, groups, group}).diagonal(0, 0, 2).permute({2, 0, 1}).contiguous();
  std::vector<Tensor> limits;
  for (int64_t first = 0; first < weight.size(0); first += kClipRows) {
    const Tensor w = weight.narrow(0, first, std::min(kClipRows, weight.size(0) - first));
    const Tensor whole = w.view({w.size(0), groups, group}).abs().amax(-1);  // (rows, groups)
    Tensor best = whole, least = at::full_like(whole, std::numeric_limits<double>::infinity());
    for (int i = 0; i < kClipSteps; ++i) {
      const Tensor limit = whole * (1.0 - static_cast<double>(i) / kClipGrid);
      const Tensor narrowed = clipped(w, limit);
      const Tensor d = (rounded(narrowed, find_grid(narrowed, settings), settings.max_code()) - w)
                           .view({w.size(0), groups, group})
                           .transpose(0, 1);                   // (groups, rows, group)
      const Tensor error = (at::bmm(d, own) * d).sum(-1).t();  // (rows, groups)
      const Tensor better = error < least;
      least = at::where(better, error, least);
      best = at::where(better, limit, best);
    }
    limits.push_back(best);
  }
  return at::cat(limits, 0);
}

Tensor clipped(const Tensor& weight, const Tensor& limits) {
  const Tensor groups = weight.view({weight.size(0), limits.size(1), -1});
  const Tensor limit = limits.unsqueeze(-1);
  return at::minimum(at::maximum(groups, -limit), limit).view(weight.sizes());
}

}  // namespace swift::quant
