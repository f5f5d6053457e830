// How the next token is chosen; names and meaning are transformers' and vLLM's.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace swift::infer {

constexpr int64_t kMaxTopLogprobs = 20;

struct SamplingParams {
  double temperature = 1.0;         // logits are divided by it; 0: the most likely token
  int64_t top_k = 0;                // keep the k most likely tokens and their ties; 0 or -1: all
  double top_p = 1.0;               // keep the fewest tokens that hold this probability
  double min_p = 0.0;               // keep tokens of at least this share of the largest probability
  double repetition_penalty = 1.0;  // of every token of prompt and answer (arXiv 1909.05858)
  uint64_t seed = 42;
  std::optional<int64_t> max_new_tokens;  // none: to the end of the context
  std::vector<std::string> stop;          // strings that end the answer; they are not part of it
  bool ignore_eos = false;
  bool logprobs = false;     // of the chosen tokens, from the unmodified distribution
  int64_t top_logprobs = 0;  // and of the most likely ones beside each
};

// Throws base::Error(usage) naming every key out of range and its range.
void validate(const SamplingParams& params);

}  // namespace swift::infer
