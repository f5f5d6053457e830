#include "quant/grid.h"

namespace swift::quant {
namespace {

using at::Tensor;

// Points of the MSE search, the smallest share of the range that is tried, and the norm (IST's defaults).
constexpr int kMsePoints = 100;
constexpr double kMaxShrink = 0.8;
constexpr double kMseNorm = 2.4;
// A scale below the smallest normal fp16 would lose its digits.
constexpr double kMinScale = 6.2e-5;

Tensor by_group(const Tensor& weight, int64_t groups) {
  return weight.view({weight.size(0), groups, -1});
}

Tensor stored_scale(const Tensor& scale, at::ScalarType type) {
  return type == at::kFloat ? scale : scale.clamp_min(kMinScale).to(type).to(at::kFloat);
}

// ranges (rows, groups).
Grid grid_of(const Tensor& low, const Tensor& high, const GridSettings& settings) {
  Grid grid;
  const auto max_code = static_cast<double>(settings.max_code());
  grid.scales = stored_scale((high - low) / max_code, settings.scale_type);
  grid.zeros = settings.sym ? at::full_like(grid.scales, (max_code + 1) / 2)
                            : at::round(-low / grid.scales).clamp_(settings.min_zero, max_code);
  return grid;
}

Grid best_grid(const Tensor& weight, const Tensor& low, const Tensor& high, const GridSettings& settings) {
  Grid best = grid_of(low, high, settings);
  Tensor least = at::full_like(low, std::numeric_limits<double>::infinity());
  for (int i = 0; i < static_cast<int>(kMaxShrink * kMsePoints); ++i) {
    const double share = 1.0 - static_cast<double>(i) / kMsePoints;
    const Grid grid = grid_of(low * share, high * share, settings);
    const Tensor fault = (rounded(weight, grid, settings.max_code()) - weight).abs_().pow_(kMseNorm);
    const Tensor error = by_group(fault, low.size(1)).sum(-1);
    const Tensor better = error < least;
    least = at::where(better, error, least);
    best.scales = at::where(better, grid.scales, best.scales);
    best.zeros = at::where(better, grid.zeros, best.zeros);
  }
  return best;
}

}  // namespace

Grid find_grid(const Tensor& weight, const GridSettings& settings) {
  const Tensor groups = by_group(weight, weight.size(1) / settings.group);
  Tensor low = groups.amin(-1).clamp_max_(0), high = groups.amax(-1).clamp_min_(0);
  if (settings.sym) {
    high = at::maximum(low.abs(), high);
    low = at::where(low < 0, -high, low);
  }
  const Tensor empty = (low == 0).logical_and_(high == 0);
  low = at::where(empty, at::full_like(low, -1), low);
  high = at::where(empty, at::full_like(high, 1), high);
  return settings.mse ? best_grid(weight, low, high, settings) : grid_of(low, high, settings);
}

Tensor to_codes(const Tensor& weight, const Grid& grid, int64_t max_code) {
  const Tensor groups = by_group(weight, grid.scales.size(1));
  return at::round(groups / grid.scales.unsqueeze(-1))
      .add_(grid.zeros.unsqueeze(-1))
      .clamp_(0, max_code)
      .view(weight.sizes());
}

Tensor from_codes(const Tensor& codes, const Grid& grid) {
  const Tensor groups = by_group(codes, grid.scales.size(1));
  return ((groups - grid.zeros.unsqueeze(-1)) * grid.scales.unsqueeze(-1)).view(codes.sizes());
}

ops::GroupedCodes grouped(const Tensor& codes, const Grid& grid, const GridSettings& settings,
                          const Tensor& g_idx) {
  ops::GroupedCodes weight{.bits = settings.bits, .in = codes.size(1), .group = settings.group};
  weight.codes = ops::pack_bits(codes.to(at::kByte), settings.bits);
  weight.scales = grid.scales.to(settings.scale_type).contiguous();
  if (!settings.sym) weight.zeros = grid.zeros.to(at::kByte).contiguous();
  weight.g_idx = g_idx;
  return weight;
}

}  // namespace swift::quant
