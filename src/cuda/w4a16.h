// y = x w^T for few rows of x and 4-bit weights in groups (AWQ, GPTQ): matrix tiles whose rows are outputs
// and whose columns are the rows of x, so that a batch of one wastes no weight load. Weights are dequantized
// in registers.
//
// Packed weights, 8 codes a word: tiles of 16 outputs by 64 inputs, tile (o, k) at (o * in / 64 + k) * 128
// words, four words of each lane 4 g + t one after another. Word j holds, in the lower and the upper half at
// bits 4 i,
//   i = 0  output g, inputs 16 t + 4 j + (0, 1)      i = 1  output g + 8, the same inputs
//   i = 2  output g, inputs 16 t + 4 j + (2, 3)      i = 3  output g + 8, the same inputs
// so a lane's share of x is 32 bytes in a row.
#pragma once
#include "cuda/dequantize.h"

namespace swift::cuda {

struct PackedInt4 {
  uint32_t* words;     // (out * in / 8)
  void* scales;        // (in / group, out) of x's type
  uint8_t* zeros;      // (in / group, out)
  int in, out, group;  // in a multiple of 64, out of 16, group of 64
};

// From the layouts of a checkpoint, without act-order's g_idx. source.type is the type of the scales made;
// its out is not used.
void pack_int4(const GroupCodes& source, const PackedInt4& target, Stream stream);

struct Int4Linear {
  Type type;      // of x, y, bias and scales: fp16 or bf16
  const void* x;  // (rows, in), starts on 16 bytes
  PackedInt4 weight;
  const void* bias;  // (out), or null
  void* y;           // (rows, out)
  int rows;          // up to 32
};
// Sums run in fp32 in an order that depends on the weight's shape alone.
void int4_linear(const Int4Linear& a, Stream stream);

}  // namespace swift::cuda
