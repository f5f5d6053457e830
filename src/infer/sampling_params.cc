#include "infer/sampling_params.h"

#include <cmath>

#include "base/error.h"
#include "base/format.h"

namespace swift::infer {

using base::cat;

void validate(const SamplingParams& params) {
  std::string faults;
  const auto require = [&faults](bool holds, const std::string& message) {
    if (!holds) faults += (faults.empty() ? "" : "; ") + message;
  };
  // Written so that NaN fails every check.
  const auto number = [](double value) { return base::shortest(value); };
  require(std::isfinite(params.temperature) && params.temperature >= 0,
          cat("temperature: ", number(params.temperature), " is not a number from 0 up"));
  require(params.top_k >= -1, cat("top_k: ", params.top_k, " is not -1, 0 (off) or from 1 up"));
  require(params.top_p > 0 && params.top_p <= 1,
          cat("top_p: ", number(params.top_p), " is not above 0 and at most 1"));
  require(params.min_p >= 0 && params.min_p <= 1,
          cat("min_p: ", number(params.min_p), " is not from 0 to 1"));
  require(std::isfinite(params.repetition_penalty) && params.repetition_penalty > 0,
          cat("repetition_penalty: ", number(params.repetition_penalty), " is not a number above 0"));
  require(params.max_new_tokens.value_or(1) >= 1,
          cat("max_new_tokens: ", params.max_new_tokens.value_or(1), " is below 1"));
  require(params.top_logprobs >= 0 && params.top_logprobs <= kMaxTopLogprobs,
          cat("top_logprobs: ", params.top_logprobs, " is not from 0 to ", kMaxTopLogprobs));
  require(params.top_logprobs <= 0 || params.logprobs, "top_logprobs: needs logprobs true");
  for (const std::string& stop : params.stop) require(!stop.empty(), "stop_words: a stop string is empty");
  if (!faults.empty()) throw base::Error(base::ExitCode::usage, faults);
}

}  // namespace swift::infer
