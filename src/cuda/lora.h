// The low-rank update of a linear around its product of matrices (Hu et al. 2021), y += h B^T with
// h = scale drop(x) A^T: what is long is read once, and dropout costs no memory. Its gradients, with dh
// (tokens, rank) that of what A made, before the scale:
//   dh = scale dy B       project_rows over B^T (rank, out)
//   dB = dy^T h           sum_outer, transposed: (out, rank)
//   dA = dh^T drop(x)     sum_outer with x's dropout: (rank, in)
//   dx += drop(dh A)      add_projected over A^T (in, rank), with dropout
// Ranks are multiples of 8 up to 128; round_factor makes factors of other ranks wider by zeros.
#pragma once
#include "cuda/types.h"

namespace swift::cuda {

// Zeroes elements with the probability, and multiplies the rest by 1 / (1 - probability). Which, is a pure
// function of the key and the element's index: that of ops::keyed_dropout, so that all processors drop the
// same.
struct Dropout {
  double probability = 0;
  uint64_t key = 0;
  const uint64_t* base = nullptr;  // one number on the device that is added to the key; null: 0
};

// h (rows, rank) = scale drop(x) factor^T.
struct ProjectRows {
  Type type;           // of x, factor and h
  const void* x;       // (rows, columns), starts on 16 bytes; columns a multiple of 8
  const void* factor;  // (rank, columns), starts on 16 bytes
  void* h;             // (rows, rank)
  int64_t rows;
  int columns, rank;
  float scale;
  Dropout dropout;  // of x
};
void project_rows(const ProjectRows& a, Stream stream);

// y (rows, columns) += drop(h factor^T).
struct AddProjected {
  Type type;
  const void* h;       // (rows, rank), starts on 16 bytes
  const void* factor;  // (columns, rank), starts on 16 bytes
  void* y;             // (rows, columns), starts on 16 bytes; columns a multiple of 8
  int64_t rows;
  int columns, rank;
  Dropout dropout;  // of what is added, by y's indices
};
void add_projected(const AddProjected& a, Stream stream);

// sum (rank, columns), or (columns, rank) when transposed, += h^T drop(x) over the rows, in fp32 and in an
// order that the shapes and `slices` decide. Only the first `rank` of the h_rank columns of h are summed.
struct SumOuter {
  Type type;
  const void* h;  // (rows, h_rank), starts on 16 bytes
  const void* x;  // (rows, columns), starts on 16 bytes; columns a multiple of 8
  float* sum;
  float* partial;  // (slices, h_rank, columns) scratch
  int64_t rows;
  int columns, h_rank, rank;
  int slices;  // parts of the rows, 1 .. 64; about 2 * multiprocessors * 64 / columns
  bool transposed;
  bool accumulate;  // adds to sum, else overwrites it
  Dropout dropout;  // of x
};
void sum_outer(const SumOuter& a, Stream stream);

// A factor in fp32 as the products want it: to (padded, columns) of `type`, and its transpose
// (columns, padded), with zeros beyond the rank. from (rank, columns), or (columns, rank) when
// from_transposed.
struct RoundFactor {
  Type type;
  const float* from;
  bool from_transposed;
  void* rows;        // (padded, columns), or null
  void* transposed;  // (columns, padded), or null
  int rank, padded, columns;
};
void round_factor(const RoundFactor& a, Stream stream);

}  // namespace swift::cuda
