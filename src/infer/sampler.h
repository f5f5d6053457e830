// Chooses the next token of one request from the model's logits, in transformers' order: repetition penalty,
// temperature, top_k, top_p, min_p, draw.
#pragma once
#include <cstdint>
#include <span>
#include <unordered_set>
#include <vector>

#include "base/rng.h"
#include "infer/logprobs.h"
#include "infer/sampling_params.h"

namespace swift::infer {

struct Candidate {
  int32_t token_id;
  float logit;    // after the penalty
  double weight;  // exp((logit - largest) / temperature): the probability before normalising
};

// Buffers of the size of the vocabulary that the requests of a batch share.
struct SamplingScratch {
  std::vector<float> logits;
  std::vector<float> selection;
  std::vector<Candidate> candidates;
};

// Makes each seen token less likely: a logit below 0 is multiplied by the penalty, one from 0 up divided by
// it (transformers' RepetitionPenaltyLogitsProcessor). logits (vocab).
void penalise(std::span<float> logits, const std::unordered_set<int32_t>& seen, double penalty);

// The tokens that survive temperature, top_k, top_p and min_p, with their weights. logits (vocab), already
// penalised. The order depends on the logits and parameters only. temperature must be above 0. Throws
// base::Error(failure) when the logits hold NaN or +infinity, or nothing above -infinity.
std::span<const Candidate> filter(std::span<const float> logits, const SamplingParams& params,
                                  SamplingScratch& scratch);

// The largest logit's id, the smallest id among equals. Throws as filter() does.
int32_t arg_max(std::span<const float> logits);

class Sampler {
 public:
  // The draws depend on (params.seed, stream, index of the token in the answer) alone, never on the batch.
  Sampler(SamplingParams params, std::span<const int32_t> prompt, uint64_t stream);

  // logits (vocab) of the position before the token. The choice counts as seen from then on.
  int32_t next(std::span<const float> logits, SamplingScratch& scratch);
  const SamplingParams& params() const { return params_; }

 private:
  SamplingParams params_;
  base::Stream stream_;
  uint64_t drawn_ = 0;
  std::unordered_set<int32_t> seen_;  // tokens of prompt and answer; kept only when penalised
};

}  // namespace swift::infer
