// Chooses the next token of one request from the model's logits. In this order: repetition, frequency and
// presence penalty, logit_bias, masks (allowed_ids, matcher, bad_words, min_tokens), temperature, top_k,
// top_p, min_p, draw.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/rng.h"
#include "infer/sampling_params.h"
#include "infer/token_filter.h"
#include "ops/draw_rule.h"

namespace swift::infer {

// Makes each seen token less likely: a logit below 0 is multiplied by the penalty, one from 0 up divided by
// it (transformers' RepetitionPenaltyLogitsProcessor). logits (vocab).
void penalise(std::span<float> logits, const std::unordered_set<int32_t>& seen, double penalty);

class Sampler {
 public:
  // end_ids: tokens that end the answer. The draws depend on (params.seed, stream, index of the token in the
  // answer) alone, never on the batch.
  Sampler(SamplingParams params, std::span<const int32_t> prompt, uint64_t stream,
          std::vector<int32_t> end_ids = {});

  // logits (vocab) of the position before the token. The choice counts as seen from then on. Throws
  // base::Error(failure) when the logits are not finite, base::Error(data) when the masks leave no token.
  int32_t next(std::span<const float> logits, SamplingScratch& scratch);
  // How next() would choose, where the logits are elsewhere.
  ops::DrawRule rule(size_t vocab);
  // The token that such a rule drew counts as chosen. Throws as next() does.
  void take_drawn(int32_t token, size_t vocab);
  // What next() would choose from such logits `ahead` tokens later, without penalties, bias and masks: the
  // guess of a draft model, drawn with the same random numbers.
  int32_t guess(std::span<const float> logits, uint64_t ahead, SamplingScratch& scratch) const;
  // The matcher lets nothing follow: the answer is whole.
  bool complete() const { return complete_; }
  // Whether which tokens may come changes from one to the next.
  bool masks() const;
  bool ends(int32_t token) const { return ends_.contains(token); }
  int64_t chosen() const { return static_cast<int64_t>(answer_.size()); }
  const SamplingParams& params() const { return params_; }

 private:
  int32_t choose(std::span<const float> logits, uint64_t index, SamplingScratch& scratch) const;
  bool edits_logits() const;
  void add_penalties(std::span<float> logits) const;
  // The tokens that may come, a bit each, for `vocab` tokens.
  void mask(size_t vocab, std::vector<uint64_t>& bits) const;
  void take(int32_t token);
  void look_ahead(size_t vocab);

  SamplingParams params_;
  base::Stream stream_;
  uint64_t stream_index_;
  std::unordered_set<int32_t> ends_;
  std::vector<int32_t> answer_;
  std::unordered_set<int32_t> seen_;             // tokens of prompt and answer; kept only when penalised
  std::unordered_map<int32_t, int32_t> counts_;  // of the answer's tokens; kept only when penalised
  std::unique_ptr<text::TokenMatcher> matcher_;
  std::vector<uint64_t> allowed_;  // by the matcher: a bit per token
  bool may_end_ = false;
  bool looked_ahead_ = false;  // allowed_ and may_end_ are those of the next token
  bool complete_ = false;
};

}  // namespace swift::infer
