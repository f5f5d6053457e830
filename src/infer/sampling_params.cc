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
  for (const auto& [name, value] : {std::pair("presence_penalty", params.presence_penalty),
                                    std::pair("frequency_penalty", params.frequency_penalty)}) {
    require(value >= -2 && value <= 2, cat(name, ": ", number(value), " is not from -2 to 2"));
  }
  for (const auto& [id, bias] : params.logit_bias) {
    require(id >= 0, cat("logit_bias: ", id, " is no token"));
    require(bias >= -100 && bias <= 100,
            cat("logit_bias: ", number(bias), " of token ", id, " is not from -100 to 100"));
  }
  require(params.max_new_tokens.value_or(1) >= 1,
          cat("max_new_tokens: ", params.max_new_tokens.value_or(1), " is below 1"));
  require(params.top_logprobs >= 0 && params.top_logprobs <= kMaxTopLogprobs,
          cat("top_logprobs: ", params.top_logprobs, " is not from 0 to ", kMaxTopLogprobs));
  require(params.top_logprobs <= 0 || params.logprobs, "top_logprobs: needs logprobs true");
  require(params.min_tokens >= 0, cat("min_tokens: ", params.min_tokens, " is below 0"));
  require(params.min_tokens <= params.max_new_tokens.value_or(params.min_tokens),
          cat("min_tokens: ", params.min_tokens, " is above max_new_tokens, ",
              params.max_new_tokens.value_or(0)));
  require(
      params.prompt_logprobs.value_or(0) >= 0 && params.prompt_logprobs.value_or(0) <= kMaxTopLogprobs,
      cat("prompt_logprobs: ", params.prompt_logprobs.value_or(0), " is not from 0 to ", kMaxTopLogprobs));
  for (const auto& words : params.bad_words) require(!words.empty(), "bad_words: a sequence is empty");
  require(!params.allowed_ids || !params.allowed_ids->empty(), "allowed_ids: the list is empty");
  for (const std::string& stop : params.stop) require(!stop.empty(), "stop_words: a stop string is empty");
  if (!faults.empty()) throw base::Error(base::ExitCode::usage, faults);
}

}  // namespace swift::infer
