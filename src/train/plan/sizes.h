// Bytes of one micro-batch's tensors, by part of the model.
#pragma once
#include "model/spec.h"
#include "train/plan/plan.h"

namespace swift::train {

// The adapters' share in a block: what Linear and RowScale keep beside their inputs.
struct AdapterSizes {
  int64_t ranks = 0;     // sum of ranks of a block's linears
  int64_t outputs = 0;   // sum of outputs of the linears with DoRA
  bool dropout = false;  // makes copies of inputs
};

struct BlockSizes {
  int64_t input = 0;         // the block's input, all that recomputation keeps
  int64_t kept = 0;          // everything that the backward pass of a block reads, its input included
  int64_t work = 0;          // made beside it while the backward pass runs
  int64_t forward_work = 0;  // made by a forward pass without gradients
};
BlockSizes block_sizes(const model::ModelSpec& spec, bool sparse, const BatchShape& batch,
                       const AdapterSizes& adapter, int64_t element);

struct LossSizes {
  int64_t hidden = 0;       // hidden states and their gradients
  int64_t logits = 0;       // of one chunk, with their gradients
  int64_t weight_work = 0;  // of the head's gradient, beside the gradient itself; 0 for a frozen head
};
LossSizes loss_sizes(const model::ModelSpec& spec, const BatchShape& batch, bool trains_head,
                     int64_t element);

}  // namespace swift::train
