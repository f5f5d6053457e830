// The fields that steer generation, which the APIs have in common.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "infer/server/context.h"
#include "infer/server/fields.h"

namespace swift::infer::server {

// What a request asks for beside its prompt.
struct Asked {
  SamplingParams params;  // max_new_tokens unset where the request does not say
  int64_t n = 1;
  bool stream = false;
  bool include_usage = false;
  bool continuous_usage = false;
  int64_t priority = 0;
  std::string cache_salt;
  std::string request_id;  // the client's own, or empty
  bool return_token_ids = false;
};

// Reads and checks them. Throws ApiError(400): a value out of range, fields that exclude each other,
// guided_*. logprobs are left to the caller, whose APIs differ there.
Asked read_asked(Fields& fields, Context& context);

// Throws ApiError(400) naming the range.
void check_range(const Fields& fields, std::string_view key, double value, double least, double most);

// Holds the request to the context: sets max_new_tokens when it is unset, else checks it. `noun` is
// "messages" or "prompt". Throws ApiError(400) with the sums.
void fit_context(SamplingParams& params, int64_t prompt_tokens, int64_t max_positions,
                 const std::string& noun);

}  // namespace swift::infer::server
