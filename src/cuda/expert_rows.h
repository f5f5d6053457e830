// Rows into the order of their experts (routing.h), and back with their shares. Sums run in the order of a
// token's choices, without atomics.
#pragma once
#include "cuda/routing.h"

namespace swift::cuda {

// rows (choices, columns) = row order[r] / per_token of x. Its gradient is combine_rows without shares.
struct SortRows {
  Type type;
  const void* x;         // (choices / per_token, columns)
  const int32_t* order;  // (choices) of sort_by_expert
  void* rows;            // (choices, columns)
  int64_t choices;
  int per_token, columns;  // a row is a multiple of 16 bytes
};
void sort_rows(const SortRows& a, Stream stream);

// y (tokens, columns) = the sum of a token's rows, each times its share.
struct CombineRows {
  Type type;
  const void* rows;       // (tokens * per_token, columns)
  const int32_t* places;  // (tokens * per_token) of sort_by_expert
  const float* shares;    // (tokens * per_token), or null: ones
  void* y;                // (tokens, columns)
  int64_t tokens;
  int per_token, columns;  // a row is a multiple of 16 bytes
};
void combine_rows(const CombineRows& a, Stream stream);

struct CombineRowsBackward {
  CombineRows forward;  // its y is not read
  const void* dy;       // (tokens, columns)
  void* d_rows;         // (tokens * per_token, columns); may be rows
  float* d_shares;      // (tokens * per_token), or null
};
void combine_rows_backward(const CombineRowsBackward& a, Stream stream);

// keyed_dropout.h of each expert's rows by themselves, with its own key.
struct DropExpertRows {
  Type type;
  const void* x;            // (choices, columns) sorted rows
  void* y;                  // (choices, columns)
  const ExpertTile* tiles;  // (tile_count) of sort_by_expert
  const int32_t* starts;    // (experts + 1)
  const uint64_t* keys;     // (experts)
  int tile_count, columns;  // a row is a multiple of 16 bytes
  double p;
  const uint64_t* base;  // one number that is added to each key, or null
};
void drop_expert_rows(const DropExpertRows& a, Stream stream);

}  // namespace swift::cuda
