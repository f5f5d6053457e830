#include "quant/gguf/blocks/blocks.h"

#include <algorithm>
#include <cmath>

#include "quant/gguf/blocks/bits.h"

namespace swift::quant::gguf {
namespace {

constexpr int kSmallBlock = 32;  // values of a block of Q4_0, Q5_0 and Q8_0

// The value of largest magnitude, with its sign; the first of equals.
float largest_of(const float* x) {
  float size = 0, largest = 0;
  for (int i = 0; i < kSmallBlock; ++i) {
    if (std::abs(x[i]) > size) size = std::abs(x[i]), largest = x[i];
  }
  return largest;
}

// Code of x in steps of 1 / inverse, `half` above zero.
unsigned code_of(float x, float inverse, int half) {
  const float shifted = x * inverse + (static_cast<float>(half) + 0.5F);
  return static_cast<unsigned>(std::min(2 * half - 1, static_cast<int>(shifted)));
}

// d fp16 | 16 bytes of codes: value i in the lower half of byte i, value i + 16 in the upper.
void encode_q4_0(const float* x, uint8_t* out) {
  const float d = largest_of(x) / -8;
  const float inverse = d != 0 ? 1.0F / d : 0.0F;
  out = put(out, half_of(d));
  for (int i = 0; i < kSmallBlock / 2; ++i)
    out[i] =
        static_cast<uint8_t>(code_of(x[i], inverse, 8) | code_of(x[i + kSmallBlock / 2], inverse, 8) << 4U);
}

// As Q4_0, with the fifth bits of all codes in a 32-bit word before them.
void encode_q5_0(const float* x, uint8_t* out) {
  const float d = largest_of(x) / -16;
  const float inverse = d != 0 ? 1.0F / d : 0.0F;
  out = put(out, half_of(d));
  uint8_t* codes = out + sizeof(uint32_t);
  uint32_t fifth = 0;
  for (int i = 0; i < kSmallBlock / 2; ++i) {
    const unsigned first = code_of(x[i], inverse, 16), second = code_of(x[i + kSmallBlock / 2], inverse, 16);
    codes[i] = static_cast<uint8_t>((first & 15U) | (second & 15U) << 4U);
    fifth |= first >> 4U << static_cast<unsigned>(i);
    fifth |= second >> 4U << static_cast<unsigned>(i + kSmallBlock / 2);
  }
  std::memcpy(out, &fifth, sizeof fifth);
}

// d fp16 | 32 signed bytes, to nearest, ties away from zero.
void encode_q8_0(const float* x, uint8_t* out) {
  const float d = std::abs(largest_of(x)) / 127;
  const float inverse = d != 0 ? 1.0F / d : 0.0F;
  out = put(out, half_of(d));
  for (int i = 0; i < kSmallBlock; ++i)
    out[i] = static_cast<uint8_t>(static_cast<int8_t>(std::round(x[i] * inverse)));
}

uint16_t bf16_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return static_cast<uint16_t>((bits + 0x7FFFU + (bits >> 16U & 1U)) >> 16U);
}

void encode_one(TensorType type, const float* x, uint8_t* out) {
  switch (type) {
    case TensorType::f16:
      put(out, half_of(*x));
      return;
    case TensorType::bf16:
      put(out, bf16_of(*x));
      return;
    case TensorType::q4_0:
      return encode_q4_0(x, out);
    case TensorType::q5_0:
      return encode_q5_0(x, out);
    default:
      return encode_q8_0(x, out);
  }
}

}  // namespace

const TypeInfo& info(TensorType type) {
  static constexpr TypeInfo kF32{"F32", 1, 4}, kF16{"F16", 1, 2}, kBf16{"BF16", 1, 2}, kQ4{"Q4_0", 32, 18},
      kQ5{"Q5_0", 32, 22}, kQ8{"Q8_0", 32, 34}, kQ4K{"Q4_K", 256, 144}, kQ6K{"Q6_K", 256, 210};
  switch (type) {
    case TensorType::f16:
      return kF16;
    case TensorType::bf16:
      return kBf16;
    case TensorType::q4_0:
      return kQ4;
    case TensorType::q5_0:
      return kQ5;
    case TensorType::q8_0:
      return kQ8;
    case TensorType::q4_k:
      return kQ4K;
    case TensorType::q6_k:
      return kQ6K;
    case TensorType::f32:
      break;
  }
  return kF32;
}

void encode(TensorType type, const float* x, int64_t count, uint8_t* out) {
  const TypeInfo& form = info(type);
  const int64_t blocks = count / form.block;
  if (type == TensorType::f32) {
    std::memcpy(out, x, static_cast<size_t>(count) * sizeof(float));
  } else if (type == TensorType::q4_k) {
    encode_q4_k(x, blocks, out);
  } else if (type == TensorType::q6_k) {
    encode_q6_k(x, blocks, out);
  } else {
    for (int64_t b = 0; b < blocks; ++b) encode_one(type, x + b * form.block, out + b * form.bytes);
  }
}

}  // namespace swift::quant::gguf
