// y = x w^T for few rows of x and 4-bit weights in groups (AWQ, GPTQ): matrix tiles whose rows are outputs
// and whose columns are the rows of x, so that a batch of one wastes no weight load. Weights are dequantized
// in registers.
//
// Packed weights, 8 codes a word: tiles of 16 outputs by 64 inputs, tile (o, k) at (o * in / 64 + k) * 128
// words, four words of each lane 4 g + t one after another. Word j holds, in the lower and the upper half at
// bits 4 i,
//   i = 0  output g, inputs k + (0, 1)      i = 1  output g + 8, the same inputs
//   i = 2  output g, inputs k + (2, 3)      i = 3  output g + 8, the same inputs
// of the tile with k = 32 (j / 2) + 8 t + 4 (j % 2): a lane's share of x is twice 16 bytes in a row, and the
// inputs of words 0 and 1 are in one half of the tile, those of 2 and 3 in the other, so groups may be of 32.
// With act-order, inputs are first put into the order of their groups, x alike.
#pragma once
#include <vector>

#include "cuda/dequantize.h"

namespace swift::cuda {

struct PackedInt4 {
  uint32_t* words;                 // (out * in / 8)
  void* scales;                    // (in / group, out) of x's type
  uint8_t* zeros;                  // (in / group, out)
  int in, out, group;              // in a multiple of 64, out of 16, group of 32
  const int32_t* order = nullptr;  // (in) which input is at each place, of order_of_groups; null: its own
};

// Act-order's g_idx, (in) in host memory: inputs in the order of their groups, those of a group in their own.
// Throws base::Error(model) unless each of the in / group groups has `group` inputs.
std::vector<int32_t> order_of_groups(const int32_t* g_idx, int in, int group);

// From the layouts of a checkpoint; one with g_idx needs target.order. source.type is the type of the scales
// made; its out is not used.
void pack_int4(const GroupCodes& source, const PackedInt4& target, Stream stream);

struct Int4Linear {
  Type type;      // of x, y, bias and scales: fp16 or bf16
  const void* x;  // (rows, in), starts on 16 bytes
  PackedInt4 weight;
  const void* bias;         // (out), or null
  void* y;                  // (rows, out)
  int rows;                 // up to 32
  void* ordered = nullptr;  // (rows, in) scratch, starts on 16 bytes: x in the weight's order, if it has one
};
// Sums run in fp32 in an order that depends on the weight's shape alone.
void int4_linear(const Int4Linear& a, Stream stream);

// y (rows, columns) = x with column order[i] at place i; 16-bit types, columns a multiple of 8. Linears that
// share x and order take y as their x, and weights whose order is null.
void gather_columns(Type type, const void* x, const int32_t* order, void* y, int rows, int columns,
                    Stream stream);

}  // namespace swift::cuda
