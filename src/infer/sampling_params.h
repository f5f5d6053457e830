// How the next token is chosen; names and meaning are transformers' and vLLM's.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "text/grammar/token_matcher.h"

namespace swift::infer {

constexpr int64_t kMaxTopLogprobs = 20;

struct SamplingParams {
  double temperature = 1.0;              // logits are divided by it; 0: the most likely token
  int64_t top_k = 0;                     // keep the k most likely tokens and their ties; 0 or -1: all
  double top_p = 1.0;                    // keep the fewest tokens that hold this probability
  double min_p = 0.0;                    // keep tokens of at least this share of the largest probability
  double repetition_penalty = 1.0;       // of every token of prompt and answer (arXiv 1909.05858)
  double presence_penalty = 0;           // taken off the logit of every token the answer holds
  double frequency_penalty = 0;          // the same, times how often the answer holds it
  std::map<int32_t, double> logit_bias;  // added to logits
  std::vector<std::vector<int32_t>> bad_words;      // token sequences that may not be completed
  std::optional<std::vector<int32_t>> allowed_ids;  // only these tokens, and what ends an answer
  uint64_t seed = 42;
  std::optional<int64_t> max_new_tokens;  // none: to the end of the context
  int64_t min_tokens = 0;                 // before these, nothing ends the answer
  std::vector<std::string> stop;          // strings that end the answer; they are not part of it
  std::vector<int32_t> stop_ids;          // tokens that end the answer, beside the model's
  bool include_stop = false;              // the stop string stays in the text
  bool skip_special = true;               // special tokens are not shown
  bool ignore_eos = false;
  bool logprobs = false;  // of the chosen tokens, from the unmodified distribution
  // Of the chosen tokens, from the distribution at `temperature` (above 0) as a trainer computes it.
  bool sampled_log_probs = false;
  int64_t top_logprobs = 0;                // and of the most likely ones beside each
  std::optional<int64_t> prompt_logprobs;  // of the prompt's tokens, with this many beside each
  // What the answer must be; each request gets a clone. Null: anything.
  std::shared_ptr<const text::TokenMatcher> matcher;
};

// Throws base::Error(usage) naming every key out of range and its range.
void validate(const SamplingParams& params);

}  // namespace swift::infer
