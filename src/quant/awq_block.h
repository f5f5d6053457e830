// The scales of one block, and what they do to its weights.
#pragma once
#include <vector>

#include "model/decoder.h"

namespace swift::quant {

// Factors of inputs, each fp32 and as long as the inputs; undefined: ones. What comes before divides by them.
struct BlockScales {
  at::Tensor attention;           // q, k, v; the norm before them
  at::Tensor values;              // (kv_heads * head_dim) o; the rows of v
  at::Tensor mlp;                 // gate and up of every expert, and the router; the norm before them
  std::vector<at::Tensor> downs;  // down of each expert (one when dense); the rows of up
};

// The inputs of o in the order of v's rows, (heads * head_dim) to (kv_heads * head_dim), by the mean over the
// query heads that share a head of V; and back by repeating it.
at::Tensor mean_over_queries(const at::Tensor& inputs, const model::AttentionSpec& attention);
at::Tensor over_queries(const at::Tensor& values, const model::AttentionSpec& attention);

// The factors for which norm / factor is exact in the norm's type: those of the rounded quotient. The norm's
// weight then loses nothing to rounding.
at::Tensor exact_for(const at::Tensor& norm, const at::Tensor& scale);

// Divides and multiplies, so that the block computes what it did. Linears become fp32, the rest keeps its
// type.
void scale_block(model::Block& block, const model::AttentionSpec& attention, const BlockScales& scales);

}  // namespace swift::quant
