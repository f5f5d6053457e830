// The grid that weights are rounded to: a scale and a zero point for each group of a row.
#pragma once
#include "ops/grouped_codes.h"

namespace swift::quant {

struct GridSettings {
  int64_t bits = 4;
  int64_t group = 128;  // inputs of a scale; divides the inputs
  bool sym = true;      // zero point 2^(bits - 1)
  bool mse = false;     // the range with the smallest error (p-norm 2.4), else the whole range
  at::ScalarType scale_type = at::kHalf;  // scales are rounded to it before anything is rounded to them
  int64_t min_zero = 0;                   // 1 where the file holds zero - 1

  bool operator==(const GridSettings&) const = default;
  int64_t max_code() const { return (int64_t{1} << bits) - 1; }
};

struct Grid {
  at::Tensor scales;  // fp32 (rows, groups)
  at::Tensor zeros;   // fp32 (rows, groups), whole numbers
};

// weight fp32 (rows, columns) with columns / group groups. The ranges hold 0. As IST's Quantizer.find_params
// (gptq, quant.py) with perchannel.
Grid find_grid(const at::Tensor& weight, const GridSettings& settings);

// Nearest codes as fp32 whole numbers (rows, columns), and the values that they stand for.
at::Tensor to_codes(const at::Tensor& weight, const Grid& grid, int64_t max_code);
at::Tensor from_codes(const at::Tensor& codes, const Grid& grid);
inline at::Tensor rounded(const at::Tensor& weight, const Grid& grid, int64_t max_code) {
  return from_codes(to_codes(weight, grid, max_code), grid);
}

// Codes (rows, columns) on that grid as a checkpoint holds them. g_idx int32 (columns), or undefined.
ops::GroupedCodes grouped(const at::Tensor& codes, const Grid& grid, const GridSettings& settings,
                          const at::Tensor& g_idx = {});

}  // namespace swift::quant
