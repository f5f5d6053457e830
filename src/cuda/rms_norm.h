// add + RMSNorm: s = x + residual, y = s / sqrt(mean(s^2) + eps) * w (Zhang & Sennrich 2019), and its
// gradient. The sum s is rounded to the type before it is used, the normalised value before it is scaled by
// w, as in transformers; sums are fp32. Rows are independent of the number of rows.
#pragma once
#include "cuda/types.h"

namespace swift::cuda {

struct RmsNormForward {
  Type type;
  const void* x;         // (rows, hidden)
  const void* residual;  // (rows, hidden), or null
  const void* weight;    // (hidden)
  void* y;               // (rows, hidden)
  void* sum;             // (rows, hidden) x + residual, may be x or residual; null without a residual
  float* inverse_rms;    // (rows), for the gradient, or null
  int64_t rows;
  int hidden;  // up to 8192; 16384 in 16 bits when rows start on 16 bytes
  float eps;
};
void rms_norm_forward(const RmsNormForward& a, Stream stream);

struct RmsNormBackward {
  Type type;
  const void* dy;      // (rows, hidden)
  const void* x;       // (rows, hidden), what was normalised: the forward's sum
  const void* weight;  // (hidden)
  const float* inverse_rms;
  const void* dsum;  // (rows, hidden) gradient that reaches the sum from elsewhere, or null
  void* dx;          // (rows, hidden) gradient of x, hence of both summands; may be dy or dsum
  void* dweight;     // (hidden), or null: a frozen weight
  float* partial;    // (kRmsNormSlices, hidden) scratch; unused without dweight
  int64_t rows;
  int hidden;
};
// The weight's gradient is summed over this many slices of rows, on any device.
constexpr int kRmsNormSlices = 256;
void rms_norm_backward(const RmsNormBackward& a, Stream stream);

}  // namespace swift::cuda
