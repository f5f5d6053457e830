// What Q-GaLore (arXiv 2407.08296) needs beside products of matrices: weights in INT8 that are updated with
// stochastic rounding, and projections in INT4. Groups are of consecutive values, the last may be shorter.
// Results are those of ops::int8_encode and train::int4_encode, whose formulas these are.
//
// GaLore's moments need no kernel of their own: adamw and adamw_8bit over an fp32 "weight" of the projected
// size that starts as zeros, with learning_rate -1 and weight_decay -1, leave Adam's direction in it. With
// the epsilon before bias correction, as GaLore has it, correction1 is (1 - beta1^step) / sqrt(1 -
// beta2^step) and correction2_root 1.
#pragma once
#include "cuda/types.h"

namespace swift::cuda {

// value = scale * code, codes -127 .. 127.
struct Int8Groups {
  int8_t* codes;  // (count), starts on 4 bytes
  float* scales;  // (ceil(count / group))
  int64_t count;
  int group;  // a multiple of 4
};

// out (count), starts on 16 bytes.
void decode_int8(const Int8Groups& a, Type type, void* out, Stream stream);

// Stochastic rounding by the position of a value in base::Stream(seed, Purpose::rounding, substream).
struct RoundingNoise {
  uint64_t seed, substream;
};

// New values: decay * value + step * direction, rounded up with the probability of the fraction, or to the
// nearest code without noise.
struct Int8Update {
  Int8Groups weight;
  const float* direction;  // (count), starts on 16 bytes: of the whole weight
  float decay;             // 1 - learning rate * weight decay
  float step;              // -learning rate * GaLore's scale
  bool stochastic;
  RoundingNoise noise;
  // An infinite or NaN direction has no code: check the gradients first, as clip_coefficient does.
};
void update_int8(const Int8Update& a, Stream stream);

// Two codes a byte, the first in the lower half; value = scale * (code - zero), codes 0 .. 15.
struct Int4Groups {
  uint8_t* codes;  // ((count + 1) / 2), starts on 2 bytes
  float* scales;   // (ceil(count / group))
  uint8_t* zeros;  // (ceil(count / group))
  int64_t count;
  int group;  // a multiple of 4
};

// values (count), starts on 16 bytes. A group's range is widened to hold 0.
void encode_int4(const float* values, const Int4Groups& target, Stream stream);
// out (count), starts on 16 bytes.
void decode_int4(const Int4Groups& a, Type type, void* out, Stream stream);

}  // namespace swift::cuda
