// Weights as small unsigned codes in groups that share a scale and a zero point: value = (code - zero) *
// scale. What AWQ and GPTQ checkpoints hold, laid out for reading along a row.
#pragma once
#include "ops/torch.h"

namespace swift::ops {

struct GroupedCodes {
  int64_t bits = 4;   // 2, 3, 4 or 8
  int64_t in = 0;     // codes of a row
  int64_t group = 0;  // inputs of a scale; divides `in`
  at::Tensor codes;   // uint8 (out, in * bits / 8), a row is a stream of bits, the lowest first
  at::Tensor scales;  // floating (out, in / group)
  at::Tensor zeros;   // uint8 (out, in / group), or undefined: 2^(bits - 1)
  at::Tensor g_idx;   // int32 (in), the group of each input, or undefined: input / group

  int64_t out() const { return codes.size(0); }
  // A zero point for each group, whether stored or not: int32 (out, in / group).
  at::Tensor zero_points() const;
};

// values uint8 (rows, count), each below 2^bits, to uint8 (rows, count * bits / 8) and back. count * bits
// must be a multiple of 8.
at::Tensor pack_bits(const at::Tensor& values, int64_t bits);
at::Tensor unpack_bits(const at::Tensor& packed, int64_t bits, int64_t count);

// The values (out, in); products in fp32, rounded once.
at::Tensor decode(const GroupedCodes& source, at::ScalarType type);
// The same from basic tensor operations: oracle of the tests.
at::Tensor decode_plain(const GroupedCodes& source, at::ScalarType type);

}  // namespace swift::ops
