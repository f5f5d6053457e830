// Q6_K: 256 values in sixteen groups of 16, each with a signed 8-bit scale in units of the block's fp16 d;
// value = d * scale * (code - 32), codes of 6 bits. 210 bytes:
//   lower 4 bits, 128 bytes | upper 2 bits, 64 bytes | scales, 16 bytes | d fp16
#include <algorithm>
#include <cmath>

#include "quant/gguf/blocks/bits.h"
#include "quant/gguf/blocks/blocks.h"

namespace swift::quant::gguf {
namespace {

constexpr int kBlock = 256, kGroup = 16, kGroups = 16, kLanes = 8;
constexpr int kLowBytes = 128, kHighBytes = 64;
constexpr float kHalf = 32;         // codes reach from -32 to 31
constexpr float kNothing = 1e-15F;  // the reference takes smaller groups for zero

struct Fit {
  Lanes scale;
  Lanes codes[kGroup];  // plus 32; 0 in groups of zeros
};

struct Step {
  Lanes product = {}, square = {};  // sums of w * x * code and w * code^2, w = x^2
};

Step sums_of(const Lanes (&x)[kGroup], Lanes inverse, Lanes (&codes)[kGroup]) {
  Step step;
  for (int i = 0; i < kGroup; ++i) {
    const Lanes l = clamped(nearest(inverse * x[i]), -kHalf, kHalf - 1);
    codes[i] = l + kHalf;
    const Lanes w = x[i] * x[i];
    step.product += w * x[i] * l;
    step.square += w * l * l;
  }
  return step;
}

// Eight groups: of nineteen steps the one whose codes point most in the direction of x.
Fit fit_groups(const Lanes (&x)[kGroup]) {
  Lanes largest = {}, size = {};
  for (const Lanes& value : x) {
    const Mask larger = magnitude(value) > size;
    largest = larger ? value : largest;
    size = larger ? magnitude(value) : size;
  }
  Fit fit;
  const Step first = sums_of(x, -kHalf / largest, fit.codes);
  fit.scale = first.square != 0.0F ? first.product / first.square : Lanes{};
  Lanes best = fit.scale * first.product;
  for (int step = -9; step <= 9; ++step) {
    if (step == 0) continue;
    Lanes codes[kGroup];
    const Step sums = sums_of(x, -(kHalf + 0.1F * static_cast<float>(step)) / largest, codes);
    const Mask better = (sums.square > 0.0F) & (sums.product * sums.product > best * sums.square);
    for (int i = 0; i < kGroup; ++i) fit.codes[i] = better ? codes[i] : fit.codes[i];
    fit.scale = better ? sums.product / sums.square : fit.scale;
    best = better ? fit.scale * sums.product : best;
  }
  const Mask nothing = size < kNothing;
  fit.scale = nothing ? Lanes{} : fit.scale;
  for (Lanes& codes : fit.codes) codes = nothing ? Lanes{} : codes;
  return fit;
}

// codes (256): of each 128, values 32 apart share their bytes.
void pack_codes(const uint8_t* codes, uint8_t* low, uint8_t* high) {
  for (int part = 0; part < 2; ++part, codes += 128, low += 64, high += 32) {
    for (int i = 0; i < 32; ++i) {
      const unsigned a = codes[i], b = codes[i + 32], c = codes[i + 64], d = codes[i + 96];
      low[i] = static_cast<uint8_t>((a & 15U) | (c & 15U) << 4U);
      low[i + 32] = static_cast<uint8_t>((b & 15U) | (d & 15U) << 4U);
      high[i] = static_cast<uint8_t>(a >> 4U | (b >> 4U) << 2U | (c >> 4U) << 4U | (d >> 4U) << 6U);
    }
  }
}

void encode_block(const float* values, int64_t bytes, uint8_t* out) {
  Lanes x[2][kGroup];
  Fit fits[2];
  float largest = 0;
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < kGroup; ++i) {
      for (int j = 0; j < kLanes; ++j) x[half][i][j] = values[(half * kLanes + j) * kGroup + i];
    }
    fits[half] = fit_groups(x[half]);
    for (int j = 0; j < kLanes; ++j) {
      const float scale = fits[half].scale[j];
      if (std::abs(scale) > std::abs(largest)) largest = scale;
    }
  }
  std::fill(out, out + bytes, uint8_t{0});
  if (std::abs(largest) < kNothing) return;
  const float inverse = -128.0F / largest;
  const uint16_t d = half_of(1 / inverse);
  uint8_t codes[kBlock];
  uint8_t* scales = out + kLowBytes + kHighBytes;
  for (int half = 0; half < 2; ++half) {
    Fit& fit = fits[half];
    Lanes scale;
    for (int j = 0; j < kLanes; ++j) {
      const int stored = std::min(127, static_cast<int>(std::nearbyint(inverse * fit.scale[j])));
      scales[half * kLanes + j] = static_cast<uint8_t>(static_cast<int8_t>(stored));
      scale[j] = float_of(d) * static_cast<float>(stored);
    }
    for (int i = 0; i < kGroup; ++i) {
      const Lanes refined = clamped(nearest(x[half][i] / scale), -kHalf, kHalf - 1) + kHalf;
      const Lanes chosen = scale == 0.0F ? fit.codes[i] : refined;
      for (int j = 0; j < kLanes; ++j)
        codes[(half * kLanes + j) * kGroup + i] = static_cast<uint8_t>(chosen[j]);
    }
  }
  pack_codes(codes, out, out + kLowBytes);
  put(scales + kGroups, d);
}

}  // namespace

void encode_q6_k(const float* x, int64_t blocks, uint8_t* out) {
  const int64_t bytes = info(TensorType::q6_k).bytes;
  for (int64_t b = 0; b < blocks; ++b) encode_block(x + b * kBlock, bytes, out + b * bytes);
}

}  // namespace swift::quant::gguf
