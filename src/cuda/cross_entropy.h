// Log-probabilities and entropies from a chunk of logits, and the gradient of that chunk. With GEMMs around
// it this is the fused linear + cross-entropy: hidden states go through the output head a chunk of tokens at
// a time, logits are made again for backward, and neither is ever whole (as Liger, Hsu et al. 2024).
#pragma once
#include "cuda/types.h"

namespace swift::cuda {

struct CrossEntropy {
  Type type;               // of logits; those of a bf16 GEMM may be fp32
  const void* logits;      // (rows, vocab), rows `stride` values apart; starts on 16 bytes
  int64_t stride;          // a multiple of 8, so that rows start on 16 bytes whatever the vocab
  const int32_t* targets;  // (rows), negative: not counted, all its results and gradients are 0
  float scale;             // logits are multiplied by it: 1 / temperature
  float soft_cap;          // before that they become cap tanh(logit / cap); 0: not
  int64_t rows;
  int vocab;
};

// log_probs (rows) of the targets, entropies (rows) in nats or null, log_sums (rows): log of the sum of
// exponentials.
void cross_entropy_forward(const CrossEntropy& a, float* log_probs, float* entropies, float* log_sums,
                           Stream stream);

struct CrossEntropyBackward {
  CrossEntropy forward;
  const float* log_sums;     // (rows) of forward
  const float* entropies;    // (rows) of forward; with d_entropies only
  const float* d_log_probs;  // (rows); -1 / tokens for a mean loss
  const float* d_entropies;  // (rows), or null
  Type d_type;               // of d_logits: the type of logits, or any when logits are fp32
  void* d_logits;            // (rows, vocab), rows `stride` apart; may be logits when the types are the same
};
void cross_entropy_backward(const CrossEntropyBackward& a, Stream stream);

}  // namespace swift::cuda
