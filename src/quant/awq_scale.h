// AWQ's search for scales of input channels (Lin et al. 2023, arXiv 2306.00978; AutoAWQ 0.2.9,
// awq/quantize/quantizer.py).
#pragma once
#include <functional>
#include <vector>

#include "quant/grid.h"
#include "quant/input_stats.h"

namespace swift::quant {

// Linears that share their input.
struct ScaleGroup {
  std::vector<at::Tensor> weights;  // fp32 (out, in) each
  std::vector<GridSettings> grids;  // of each
  at::Tensor x_mean;                // fp32 (in), mean |x|
  // Inputs that must have one scale: the mean over `shared` inputs at distance `stride` takes their place.
  // Grouped-query attention: o_proj's inputs of one head of V lie in several query heads.
  std::function<at::Tensor(const at::Tensor&)> unified = {};
};

// The error of the group's output with these weights (as long as `weights`) in place of its own.
using ScaleLoss = std::function<double(const std::vector<at::Tensor>&)>;

struct ScaleChoice {
  at::Tensor scale;  // fp32 (in); ones where nothing was better than plain rounding
  double ratio = 0;
  double loss = 0;
  double plain_loss = 0;  // with scales of 1
};

// Tries x_mean^r / w_mean^(1 - r) (duo) or x_mean^r for twenty ratios, and no scales at all.
ScaleChoice search_scale(const ScaleGroup& group, bool duo, const ScaleLoss& loss);

// tr(D G D^T) for all weights of the group: the exact error of a linear's own output on the inputs of G.
ScaleLoss gram_loss(const std::vector<at::Tensor>& weights, const at::Tensor& gram);

// The largest magnitude of each group (rows, groups) that gives the smallest error of the outputs, of ten
// from the whole down to half of it. weight fp32 (out, in), gram of its inputs.
at::Tensor search_clip(const at::Tensor& weight, const at::Tensor& gram, const GridSettings& settings);
at::Tensor clipped(const at::Tensor& weight, const at::Tensor& limits);

}  // namespace swift::quant
