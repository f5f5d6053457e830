// y = x w^T + bias for few rows of x, the linear layers and output head of small batches: bound by reading w
// once. Matrix tiles whose rows are outputs and whose columns are the rows of x.
#pragma once
#include "cuda/types.h"

namespace swift::cuda {

struct SkinnyLinear {
  Type type;           // fp16 or bf16
  const void* x;       // (rows, in), starts on 16 bytes
  const void* weight;  // (out, in), starts on 16 bytes
  const void* bias;    // (out), or null
  void* y;             // (rows, out)
  int rows;            // up to 32
  int in, out;         // in a multiple of 8
};
// Sums run in fp32 in an order that depends on the weight's shape alone.
void skinny_linear(const SkinnyLinear& a, Stream stream);

}  // namespace swift::cuda
