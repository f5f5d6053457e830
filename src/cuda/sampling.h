// The next token of each row of logits, in two kernels and without a sort: penalties, bias, mask,
// temperature, top_k (ties with the k-th stay), top_p, min_p, draw; meaning and order are those of
// infer/sampler.h and infer/token_filter.h. The random number is that of base::Stream(seed, sampling, stream)
// at `index`, so a request's tokens do not depend on its place in the batch. Weights are summed as integers:
// no order of threads changes a draw.
#pragma once
#include "cuda/types.h"

namespace swift::cuda {

// What one row asks for; an array of these lies in device memory.
struct SamplingRow {
  float temperature;  // 0: the most likely token, the smallest id among equals
  float top_p, min_p;
  int32_t top_k;  // 0: all
  float repetition_penalty, presence_penalty, frequency_penalty;
  int32_t slot;                  // row of seen and counts, or -1: no penalties
  int32_t mask_row;              // row of mask, or -1
  int32_t bias_begin, bias_end;  // entries of bias_ids and bias_values; an id occurs once
  uint64_t seed, stream;
  uint64_t index;  // tokens drawn before; counts up with each draw
};

// What is left of a part of a row after the first kernel.
struct SamplingPart {
  uint64_t best;  // of the edited logits: order of the largest in the upper half, complement of its id below
  float raw_max, raw_sum;  // of the unmodified ones: sum of exp(logit - raw_max)
  uint32_t bad;            // NaN or +infinity among them
};
constexpr int kSamplingPart = 2048;

struct Sampling {
  Type type;
  const void* logits;  // (rows, vocab), rows `stride` values apart
  int64_t stride;
  SamplingRow* rows;     // (rows)
  uint32_t* seen;        // (slots, ceil(vocab / 32)) a bit for each token of prompt and answer, or null
  uint16_t* counts;      // (slots, vocab) how often the answer holds each token, or null
  const uint32_t* mask;  // (mask rows, ceil(vocab / 32)) a bit for each token that may come, or null
  const int32_t* bias_ids;
  const float* bias_values;  // -infinity forbids
  float* edited;             // (rows, vocab) scratch
  SamplingPart* parts;       // (rows, ceil(vocab / kSamplingPart)) scratch
  int32_t* tokens;           // (rows) the choice; -1: logits are not finite; -2: nothing may come
  float* log_probs;          // (rows) its log-probability under the unmodified logits, or null
  int row_count, vocab;
};
// The choice also enters seen and counts, so that the next step needs nothing from the host.
void sample(const Sampling& a, Stream stream);

}  // namespace swift::cuda
