// AdamW (Loshchilov & Hutter 2019) over many tensors in one launch, as torch.optim.AdamW computes it; the
// global norm of their gradients and the clipping coefficient, which stay on the device; 8-bit moments in
// blocks of 256 values (Dettmers et al., arXiv 2110.02861). Tables and settings lie in device memory, so that
// a captured graph reads those of its step.
#pragma once
#include "cuda/types.h"

namespace swift::cuda {

// Pointers start on 16 bytes.
struct AdamTensor {
  void* weight;      // (count)
  const void* grad;  // (count)
  float* master;     // (count) the weight in fp32, or null
  void* exp_avg;     // (count) fp32, or 8-bit codes
  void* exp_avg_sq;
  float* exp_avg_absmax;  // 8-bit: (ceil(count / 256)) largest magnitude of each block
  float* exp_avg_sq_absmax;
  int64_t count;
  float learning_rate_scale;
  float weight_decay;
};

// Values [index * kAdamChunk, …) of a tensor: what one block does.
struct AdamChunk {
  int32_t tensor, index;
};
constexpr int kAdamChunk = 4096;

struct AdamStep {
  float learning_rate, beta1, beta2, epsilon;
  float correction1;       // 1 - beta1^step
  float correction2_root;  // sqrt(1 - beta2^step)
  uint64_t seed;           // of stochastic rounding
  uint64_t step;
};

// The 256 values of an 8-bit code in rising order, and what lies halfway to the next (infinity last).
struct ByteCode {
  const float* values;
  const float* bounds;
};

struct AdamW {
  Type weight_type, grad_type;  // grad_type: weight_type or fp32
  const AdamTensor* tensors;    // in device memory
  const AdamChunk* chunks;      // (chunk_count) in device memory
  int chunk_count;
  const AdamStep* step;           // in device memory
  const float* grad_coefficient;  // in device memory, or null: 1. Not finite: nothing is updated.
  // Without a master weight, the new weight is rounded up or down with the probability of its nearness: a
  // pure function of seed, step, tensor and place.
  bool stochastic_rounding;
};
void adamw(const AdamW& a, Stream stream);
void adamw_8bit(const AdamW& a, ByteCode first_moment, ByteCode second_moment, Stream stream);

struct GradNorm {
  Type grad_type;
  const AdamTensor* tensors;  // grad and count are read
  const AdamChunk* chunks;
  int chunk_count;
  float* partial;     // (chunk_count) scratch
  float* square_sum;  // the result; sum these over ranks before clip_coefficient when tensors are sharded
};
void grad_square_sum(const GradNorm& a, Stream stream);

// norm = sqrt(square_sum) / loss_scale; coefficient = min(1, max_norm / (norm + 1e-6)) / loss_scale, with
// max_norm 0 meaning no clipping, and NaN when the norm is not finite. One value each, in device memory;
// loss_scale may be null.
void clip_coefficient(const float* square_sum, float max_norm, const float* loss_scale, float* norm,
                      float* coefficient, Stream stream);

}  // namespace swift::cuda
