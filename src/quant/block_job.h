// Quantizing the linears of one decoder block. The weights that the block computes with become those that the
// packed ones stand for.
#pragma once
#include <string>
#include <vector>

#include "quant/calibration.h"
#include "quant/settings.h"

namespace swift::quant {

struct LinearReport {
  std::string name;
  GridSettings grid;
  double error = 0;    // share of the outputs' squares (of the weights' squares without calibration)
  int64_t tokens = 0;  // calibration inputs that were seen
  bool starved = false;
};

struct PackedLinear {
  model::LinearLayer* linear;
  ops::QuantizedPtr weight;
};

struct BlockJob {
  model::Decoder& decoder;
  int64_t index;
  const Settings& settings;
  std::vector<PackedLinear> packed = {};
  std::vector<LinearReport> reports = {};

  model::Block& block() const { return decoder.blocks[static_cast<size_t>(index)]; }
  // Makes the codes the linear's weight (unpacked, in the model's type). wanted fp32 (out, in): what was to
  // be rounded, for the report; gram undefined: its error is that of the weights.
  void take(model::LinearLayer& linear, const ops::GroupedCodes& codes, const GridSettings& grid,
            const at::Tensor& wanted, const at::Tensor& gram, int64_t tokens, bool starved = false);
  // Rounds to the nearest code.
  void take_nearest(model::LinearLayer& linear, const GridSettings& grid, const at::Tensor& wanted,
                    const at::Tensor& gram, int64_t tokens, bool starved = false);
};

// Round to nearest, and fp8 in blocks. Neither looks at data.
void quantize_nearest(BlockJob& job);
void quantize_fp8(BlockJob& job);
// GPTQ and AWQ; `data` moves on to the inputs of the next block.
void quantize_gptq(BlockJob& job, Calibration& data);
void quantize_awq(BlockJob& job, Calibration& data);

// Fewer calibration inputs than this part of all tokens: an expert is rounded to nearest.
constexpr double kStarvedShare = 0.005;

}  // namespace swift::quant
