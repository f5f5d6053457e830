// Where completions come from: the engine of this process (engine_source.h) or a server (server_source.h).
// Token ids go in and come out; nothing is ever tokenised again.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace swift::train::grpo {

// What is asked of the sampler, beside the length.
struct SamplingSettings {
  double temperature = 0.9;  // 0: the likeliest tokens (evaluation)
  int64_t top_k = -1;
  double top_p = 1.0, min_p = 0.0, repetition_penalty = 1.0;
  std::vector<std::string> stop_words;
  uint64_t seed = 42;
};

struct CompletionRequest {
  std::vector<int32_t> prompt;
  int64_t max_new_tokens = 0;
  uint64_t stream = 0;  // with the seed, selects the random numbers
};

struct Completion {
  std::vector<int32_t> ids;      // what ended it included
  std::vector<float> log_probs;  // of ids, as the sampler has them; empty for temperature 0
  std::string text;              // without special tokens
  bool truncated = false;        // ended by its length
  int64_t cached_tokens = 0;     // of the prompt, shared with others
};

class CompletionSource {
 public:
  virtual ~CompletionSource() = default;
  // One for each request, in order. Throws base::Error; with code 128 + signal when asked to stop.
  virtual std::vector<Completion> complete(std::span<const CompletionRequest> requests,
                                           const SamplingSettings& settings) = 0;
  // The weights have changed: `update` updates are done.
  virtual void follow(int64_t update) = 0;
  // Whether log_probs are the trainer's own, bit for bit.
  virtual bool exact() const = 0;
};

}  // namespace swift::train::grpo
