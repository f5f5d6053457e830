// What goes into generation and what comes out of it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/logprobs.h"
#include "infer/sampling_params.h"

namespace swift::infer {

struct Request {
  uint64_t id = 0;
  std::vector<int32_t> prompt;
  SamplingParams params;
  uint64_t stream = 0;   // with params.seed, selects the random numbers: the row's index, the choice's index
  std::string adapter;   // name of a loaded adapter; empty: the model itself
  int64_t priority = 0;  // smaller goes first, equal ones in order of arrival
  std::string cache_salt;  // prompts share cached prefixes only under the same salt
};

// interrupted: asked to stop before the answer was complete. failed: see Event::error.
enum class FinishReason { stop, length, interrupted, failed };
std::string_view to_string(FinishReason reason);

struct Usage {
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;  // the token that ended the answer included
  int64_t cached_tokens = 0;      // of the prompt, found in the prefix cache
  int64_t total_tokens() const { return prompt_tokens + completion_tokens; }
};

// What one request gained in a step. The texts of a request's events, joined, are its answer.
struct Event {
  uint64_t id = 0;
  std::string text;
  std::vector<int32_t> token_ids;
  std::vector<PositionLogprobs> logprobs;
  std::vector<double> sampled_log_probs;          // where SamplingParams::sampled_log_probs asks for them
  std::vector<PositionLogprobs> prompt_logprobs;  // in the first event: prompt tokens 1, 2, …
  std::optional<FinishReason> finish_reason;      // set in the request's last event
  std::string stop_string;                        // that ended the answer, or empty
  std::optional<int32_t> stop_id;                 // token that ended it, or none
  std::string error;                              // of a failed request
  Usage usage;
  double running_seconds = 0;  // since the first pass that computed something for it
};

}  // namespace swift::infer
