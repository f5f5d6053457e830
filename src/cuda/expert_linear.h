// Linears of experts over sorted rows (routing.h), y = x w^T with each row's expert's w: for few rows an
// expert, as in decoding; for many, at::_grouped_mm over dequantized weights. Tiles say which rows an expert
// has, so the host need not know.
#pragma once
#include "cuda/routing.h"
#include "cuda/w4a16.h"

namespace swift::cuda {

struct ExpertInputs {
  Type type;      // of x, y and bf16 or fp16 weights
  const void* x;  // (choices / per_token, in) or, without order, (choices, in) sorted; starts on 16 bytes
  const int32_t* order;  // (choices) sorted row r is row order[r] / per_token of x; null: row r
  int per_token;
  const ExpertTile* tiles;    // (tile_count) of sort_by_expert
  int tile_count, tile_rows;  // tile_rows 8, 16 or 32
  void* y;                    // (choices, out) in the order of experts
};

// weight (experts, out, in), starts on 16 bytes; in a multiple of 8.
void expert_linear(const ExpertInputs& a, const void* weight, int in, int out, Stream stream);

// weight: the first expert's; the words, scales and zeros of the others follow it. It has no order.
void expert_int4_linear(const ExpertInputs& a, const PackedInt4& weight, Stream stream);

}  // namespace swift::cuda
