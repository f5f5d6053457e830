// Q4_K: 256 values in eight groups of 32. A group has a scale and a minimum of 6 bits each, in units of two
// fp16 numbers of the block; value = d * scale * code - dmin * minimum, codes of 4 bits. 144 bytes:
//   d, dmin fp16 | scales and minima, 12 bytes | codes, 128 bytes
#include <algorithm>
#include <cmath>

#include "quant/gguf/blocks/bits.h"
#include "quant/gguf/blocks/blocks.h"

namespace swift::quant::gguf {
namespace {

constexpr int kBlock = 256, kGroup = 32, kGroups = 8, kPackedScales = 12;
constexpr float kMaxCode = 15, kMaxScale = 63;
constexpr int kSteps = 20;

// Of the eight groups: value = scale * code + low, low <= 0.
struct Fit {
  Lanes scale, low;
  Lanes codes[kGroup];
};

// Weighted sums over a group.
struct Sums {
  Lanes w, x;  // of the weights, and of weight * value
};

// Codes for a step above fit.low, and the line through them by least squares; in lanes where it errs less
// than `best`, it is taken.
void try_step(const Lanes (&x)[kGroup], const Lanes (&weights)[kGroup], const Sums& sums, Lanes inverse,
              Fit& fit, Lanes& best) {
  Lanes codes[kGroup];
  Lanes sum_l = {}, sum_l2 = {}, sum_xl = {};
  for (int i = 0; i < kGroup; ++i) {
    const Lanes l = clamped(nearest(inverse * (x[i] - fit.low)), 0, kMaxCode);
    codes[i] = l;
    sum_l += weights[i] * l;
    sum_l2 += weights[i] * l * l;
    sum_xl += weights[i] * l * x[i];
  }
  const Lanes determinant = sums.w * sum_l2 - sum_l * sum_l;
  Lanes scale = (sums.w * sum_xl - sums.x * sum_l) / determinant;
  Lanes start = (sum_l2 * sums.x - sum_l * sum_xl) / determinant;
  const Mask positive = start > 0.0F;
  scale = positive ? sum_xl / sum_l2 : scale;
  start = positive ? Lanes{} : start;
  Lanes error = {};
  for (int i = 0; i < kGroup; ++i) {
    const Lanes miss = scale * codes[i] + start - x[i];
    error += weights[i] * (miss * miss);
  }
  const Mask better = (determinant > 0.0F) & (error < best);
  for (int i = 0; i < kGroup; ++i) fit.codes[i] = better ? codes[i] : fit.codes[i];
  best = better ? error : best;
  fit.scale = better ? scale : fit.scale;
  fit.low = better ? start : fit.low;
}

// Steps around (max - low) / 15 are tried, with the low of the best so far; errors are weighted.
Fit fit_groups(const Lanes (&x)[kGroup], const Lanes (&weights)[kGroup]) {
  Lanes low = x[0], high = x[0];
  Sums sums{weights[0], weights[0] * x[0]};
  for (int i = 1; i < kGroup; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
    sums.w += weights[i];
    sums.x += weights[i] * x[i];
  }
  low = low > 0.0F ? Lanes{} : low;
  const Mask flat = high == low;
  const Lanes inverse = kMaxCode / (high - low);
  Fit fit;
  fit.scale = 1.0F / inverse;
  fit.low = low;
  Lanes best = {};
  for (int i = 0; i < kGroup; ++i) {
    fit.codes[i] = clamped(nearest(inverse * (x[i] - low)), 0, kMaxCode);
    const Lanes miss = fit.scale * fit.codes[i] + low - x[i];
    best += weights[i] * (miss * miss);
  }
  for (int step = 0; step <= kSteps; ++step) {
    const float wider = -1.0F + 0.1F * static_cast<float>(step) + kMaxCode;
    try_step(x, weights, sums, wider / (high - fit.low), fit, best);
  }
  fit.scale = flat ? Lanes{} : fit.scale;
  fit.low = flat ? low : fit.low;
  for (Lanes& codes : fit.codes) codes = flat ? Lanes{} : codes;
  return fit;
}

// 6 bits; below zero wraps as the reference's bytes do.
uint8_t six_bits(float value) {
  const auto whole = static_cast<uint8_t>(static_cast<int>(std::nearbyint(value)));
  return std::min<uint8_t>(63, whole);
}

// Two 6-bit numbers of each group: the first four as they are, the upper bits of the others above them.
void pack_scales(const uint8_t (&scales)[kGroups], const uint8_t (&offsets)[kGroups], uint8_t* out) {
  for (int j = 0; j < 4; ++j) {
    out[j] = static_cast<uint8_t>(scales[j] | (scales[j + 4] >> 4U) << 6U);
    out[j + 4] = static_cast<uint8_t>(offsets[j] | (offsets[j + 4] >> 4U) << 6U);
    out[j + 8] = static_cast<uint8_t>((scales[j + 4] & 15U) | (offsets[j + 4] & 15U) << 4U);
  }
}

// Codes of groups 2k and 2k + 1 share bytes.
void pack_codes(const Lanes (&codes)[kGroup], uint8_t* out) {
  for (int pair = 0; pair < kGroups / 2; ++pair) {
    for (int i = 0; i < kGroup; ++i) {
      const auto first = static_cast<unsigned>(codes[i][2 * pair]);
      const auto second = static_cast<unsigned>(codes[i][2 * pair + 1]);
      out[pair * kGroup + i] = static_cast<uint8_t>(first | second << 4U);
    }
  }
}

void encode_block(const float* values, uint8_t* out) {
  Lanes x[kGroup], weights[kGroup], squares = {};
  for (int i = 0; i < kGroup; ++i) {
    for (int j = 0; j < kGroups; ++j) x[i][j] = values[j * kGroup + i];
    squares += x[i] * x[i];
  }
  Lanes typical;
  for (int j = 0; j < kGroups; ++j) typical[j] = std::sqrt(squares[j] / kGroup);
  for (int i = 0; i < kGroup; ++i) weights[i] = typical + magnitude(x[i]);
  Fit fit = fit_groups(x, weights);

  float largest_scale = 0, largest_offset = 0;
  for (int j = 0; j < kGroups; ++j) {
    largest_scale = std::max(largest_scale, fit.scale[j]);
    largest_offset = std::max(largest_offset, -fit.low[j]);
  }
  const float to_scale = largest_scale > 0 ? kMaxScale / largest_scale : 0.0F;
  const float to_offset = largest_offset > 0 ? kMaxScale / largest_offset : 0.0F;
  const uint16_t d = half_of(largest_scale / kMaxScale), dmin = half_of(largest_offset / kMaxScale);
  uint8_t scales[kGroups], offsets[kGroups];
  Lanes scale, offset;
  for (int j = 0; j < kGroups; ++j) {
    scales[j] = six_bits(to_scale * fit.scale[j]);
    offsets[j] = six_bits(to_offset * -fit.low[j]);
    scale[j] = float_of(d) * static_cast<float>(scales[j]);
    offset[j] = float_of(dmin) * static_cast<float>(offsets[j]);
  }
  // Codes for the scales as stored; a group whose scale became zero keeps its own.
  for (int i = 0; i < kGroup; ++i) {
    const Lanes codes = clamped(nearest((x[i] + offset) / scale), 0, kMaxCode);
    fit.codes[i] = scale == 0.0F ? fit.codes[i] : codes;
  }
  out = put(put(out, d), dmin);
  pack_scales(scales, offsets, out);
  pack_codes(fit.codes, out + kPackedScales);
}

}  // namespace

void encode_q4_k(const float* x, int64_t blocks, uint8_t* out) {
  const int64_t bytes = info(TensorType::q4_k).bytes;
  for (int64_t b = 0; b < blocks; ++b) encode_block(x + b * kBlock, out + b * bytes);
}

}  // namespace swift::quant::gguf
