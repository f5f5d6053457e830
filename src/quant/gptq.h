// GPTQ (Frantar et al. 2022, arXiv 2210.17323): columns are rounded one after another, and those that follow
// make up for the error. Follows IST-DASLab/gptq, gptq.py; static groups as in AutoGPTQ and llm-compressor.
#pragma once
#include <optional>
#include <string>

#include "quant/grid.h"

namespace swift::quant {

enum class ActOrder { none, fixed, group };

struct GptqSettings {
  GridSettings grid;
  // Order of the columns. none: as they lie. fixed: by the size of their inputs, on grids found before for
  // the groups as they lie ("static"). group: in that order too, and groups are made along it (g_idx).
  ActOrder order = ActOrder::fixed;
  double damp = 0.01;  // part of the mean of the Hessian's diagonal that is added to it
  // A grid that was found before, for groups as they lie; with ActOrder::none or fixed.
  std::optional<Grid> given = {};
};

struct GptqResult {
  at::Tensor codes;  // fp32 whole numbers (out, in)
  Grid grid;         // (out, in / group)
  at::Tensor g_idx;  // int32 (in), with ActOrder::group; else undefined
  double damp = 0;   // what was needed for a positive definite Hessian
};

// weight fp32 (out, in), hessian fp32 (in, in), any multiple of sum x x^T. Inputs that are always 0 get
// weight 0. Throws base::Error(failure) naming `name`: values that are not finite, a Hessian that no damping
// mends.
GptqResult gptq(const at::Tensor& weight, const at::Tensor& hessian, const GptqSettings& settings,
                const std::string& name);

}  // namespace swift::quant
