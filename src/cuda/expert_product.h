// Products of experts in training, over sorted rows (routing.h): of rows with their expert's weight, either
// way round, and of rows with rows, an expert's added up. Sums are fp32 in a fixed order, without atomics. On
// tensor cores for 16-bit types whose columns are multiples of 8, else plain.
#pragma once
#include "cuda/routing.h"

namespace swift::cuda {

// Rows of a tile: sort_by_expert() is asked for those.
constexpr int kProductRows = 64;

struct ExpertProduct {
  Type type;
  const void* x;            // (choices, in), or (choices, out) when turned; starts on 16 bytes
  const void* weight;       // (experts, out, in); starts on 16 bytes
  bool turned;              // y = x W, else x W^T
  const ExpertTile* tiles;  // (tile_count) of kProductRows rows
  int tile_count;
  void* y;  // (choices, out), or (choices, in) when turned
  int in, out;
};
void expert_product(const ExpertProduct& a, Stream stream);

struct ExpertOuter {
  Type type;              // of y and x
  Type sum_type;          // theirs or fp32
  const void* y;          // (choices, out); starts on 16 bytes
  const void* x;          // (choices, in); starts on 16 bytes
  const int32_t* starts;  // (experts + 1) of sort_by_expert()
  void* sum;              // (experts, out, in): y^T x over the rows of each; zeros for one without rows
  int experts, in, out;
};
void expert_outer(const ExpertOuter& a, Stream stream);

}  // namespace swift::cuda
