// Which tokens may be drawn, and the draw: temperature, top_k, top_p and min_p over a vocabulary without
// sorting it. The tokens are ordered by falling logit, equal ones by rising id; each filter keeps a beginning
// of that order, so that one cut describes them all.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "infer/sampling_params.h"

namespace swift::infer {

// The last token that is kept.
struct Cut {
  float logit;
  int32_t id;
  bool keeps(float other_logit, int32_t other_id) const {
    return other_logit > logit || (other_logit == logit && other_id <= id);
  }
};

// Buffers of the size of the vocabulary that the requests of a batch share.
struct SamplingScratch {
  std::vector<float> logits;       // after penalties and masks
  std::vector<float> kept_logits;  // of the tokens that top_k keeps
  std::vector<int32_t> kept_ids;
  std::vector<float> weights;  // exp((logit - largest) / temperature)
  std::vector<double> sums;    // of blocks of kept weights
  std::vector<int32_t> places;
  std::vector<uint64_t> mask;  // bit per token
};

// Throws base::Error(failure): the logits hold NaN or +infinity.
[[noreturn]] void refuse_logits();

// The largest logit's id, the smallest id among equals. Throws base::Error(failure) when the logits hold NaN
// or +infinity, or nothing above -infinity.
int32_t arg_max(std::span<const float> logits);

// Where top_k (ties with the k-th stay), then top_p, then min_p cut the tokens, in transformers' order;
// temperature must be above 0. logits (vocab). Throws as arg_max() does.
Cut find_cut(std::span<const float> logits, const SamplingParams& params, SamplingScratch& scratch);

// The token at the share `uniform`, from 0 to below 1, of the kept weights, which lie in the order of ids.
int32_t draw_token(std::span<const float> logits, const SamplingParams& params, double uniform,
                   SamplingScratch& scratch);

}  // namespace swift::infer
