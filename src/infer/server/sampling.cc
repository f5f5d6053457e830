#include "infer/server/sampling.h"

#include <charconv>
#include <cmath>

#include "base/format.h"

namespace swift::infer::server {

using base::cat;
using base::Json;

namespace {

constexpr size_t kMaxStops = 64;
constexpr int64_t kMaxTokens = INT32_MAX;

void read_stream(Fields& fields, Asked& asked) {
  asked.stream = fields.boolean("stream").value_or(false);
  const Json* options = fields.object("stream_options");
  if (options == nullptr) return;
  if (!asked.stream) {
    fields.fail("stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
  }
  Fields inner(*options, "stream_options");
  asked.include_usage = inner.boolean("include_usage").value_or(true);
  asked.continuous_usage = inner.boolean("continuous_usage_stats").value_or(false) && asked.include_usage;
}

void read_filters(Fields& fields, SamplingParams& params) {
  const auto number = [&](std::string_view key, double& into, double least, double most) {
    const auto value = fields.number(key);
    if (!value) return;
    check_range(fields, key, *value, least, most);
    into = *value;
  };
  number("temperature", params.temperature, 0, 2);
  number("min_p", params.min_p, 0, 1);
  number("presence_penalty", params.presence_penalty, -2, 2);
  number("frequency_penalty", params.frequency_penalty, -2, 2);
  if (const auto value = fields.number("top_p")) {
    if (!(*value > 0 && *value <= 1)) {
      fields.fail("top_p", cat("Invalid 'top_p': expected a number above 0 and up to 1, but got ",
                               base::shortest(*value), " instead."));
    }
    params.top_p = *value;
  }
  if (const auto value = fields.integer("top_k")) {
    if (*value < -1) {
      fields.fail("top_k", cat("Invalid 'top_k': expected -1 or 0 (off) or an integer from 1, but got ",
                               *value, " instead."));
    }
    params.top_k = *value;
  }
  if (const auto value = fields.number("repetition_penalty")) {
    if (!(*value > 0 && std::isfinite(*value))) {
      fields.fail("repetition_penalty",
                  cat("Invalid 'repetition_penalty': expected a number above 0, but got ",
                      base::shortest(*value), " instead."));
    }
    params.repetition_penalty = *value;
  }
}

void check_ids(const Fields& fields, std::string_view key, const std::vector<int32_t>& ids, int64_t vocab) {
  for (const int32_t id : ids) {
    if (id >= vocab) {
      fields.fail(
          key, cat("Invalid '", key, "': token id ", id, " is not in the vocabulary of ", vocab, " tokens."));
    }
  }
}

void read_bias(Fields& fields, SamplingParams& params, int64_t vocab) {
  const Json* bias = fields.object("logit_bias");
  if (bias == nullptr) return;
  for (const auto& item : bias->items()) {
    const std::string& key = item.key();
    int64_t id = -1;
    const auto read = std::from_chars(key.data(), key.data() + key.size(), id);
    if (read.ec != std::errc() || read.ptr != key.data() + key.size() || id < 0 || id >= vocab) {
      fields.fail("logit_bias", cat("Invalid 'logit_bias': key '", key, "' is not the id of one of the ",
                                    vocab, " tokens of the vocabulary."));
    }
    if (!item.value().is_number()) {
      fields.fail("logit_bias", cat("Invalid 'logit_bias': the value of token ", id, " is not a number."));
    }
    const double value = item.value().get<double>();
    if (!(value >= -100 && value <= 100)) {
      fields.fail("logit_bias", cat("Invalid 'logit_bias': expected a number from -100 to 100 for token ", id,
                                    ", but got ", base::shortest(value), " instead."));
    }
    params.logit_bias[static_cast<int32_t>(id)] = value;
  }
}

void read_ends(Fields& fields, Context& context, SamplingParams& params) {
  const int64_t vocab = context.service.vocab_size();
  const auto stops = fields.texts("stop");
  if (!stops.empty()) params.stop = stops;
  if (params.stop.size() > kMaxStops) {
    fields.fail("stop",
                cat("Invalid 'stop': at most ", kMaxStops, " stop strings, but got ", stops.size(), "."));
  }
  for (const std::string& stop : params.stop) {
    if (stop.empty()) fields.fail("stop", "Invalid 'stop': a stop string cannot be empty.");
  }
  params.stop_ids = fields.token_ids("stop_token_ids");
  check_ids(fields, "stop_token_ids", params.stop_ids, vocab);
  params.include_stop = fields.boolean("include_stop_str_in_output").value_or(false);
  params.skip_special = fields.boolean("skip_special_tokens").value_or(true);
  params.ignore_eos = fields.boolean("ignore_eos").value_or(params.ignore_eos);
  if (const auto least = fields.integer("min_tokens")) {
    check_range(fields, "min_tokens", static_cast<double>(*least), 0, static_cast<double>(kMaxTokens));
    params.min_tokens = *least;
  }
  for (const std::string& word : fields.texts("bad_words")) {
    if (word.empty()) fields.fail("bad_words", "Invalid 'bad_words': a word cannot be empty.");
    for (const std::string& form : {word, " " + word}) {
      auto ids = context.tokenizer.encode(form);
      if (!ids.empty()) params.bad_words.push_back(std::move(ids));
    }
  }
  if (fields.find("allowed_token_ids") != nullptr) {
    params.allowed_ids = fields.token_ids("allowed_token_ids");
    if (params.allowed_ids->empty()) {
      fields.fail("allowed_token_ids", "Invalid 'allowed_token_ids': the array cannot be empty.");
    }
    check_ids(fields, "allowed_token_ids", *params.allowed_ids, vocab);
  }
}

void refuse_old_fields(Fields& fields) {
  for (const char* key : {"guided_json", "guided_regex", "guided_choice", "guided_grammar",
                          "guided_decoding_backend", "guided_whitespace_pattern", "guided_json_object"}) {
    if (fields.find(key) == nullptr) continue;
    fields.fail(key,
                cat("'", key, "' is no longer a parameter; use 'structured_outputs' or 'response_format'."));
  }
  for (const char* key : {"use_beam_search", "best_of"}) {
    const Json* value = fields.find(key);
    if (value == nullptr || *value == false || *value == 1) continue;
    fields.fail(key, cat("'", key, "' is not supported; use 'n'."));
  }
}

}  // namespace

void check_range(const Fields& fields, std::string_view key, double value, double least, double most) {
  if (value >= least && value <= most) return;
  fields.fail(key, cat("Invalid '", fields.path_of(key), "': expected a number from ", base::shortest(least),
                       " to ", base::shortest(most), ", but got ", base::shortest(value), " instead."));
}

Asked read_asked(Fields& fields, Context& context) {
  Asked asked;
  asked.params = context.options.sampling;
  asked.params.max_new_tokens.reset();
  refuse_old_fields(fields);
  read_stream(fields, asked);
  read_filters(fields, asked.params);
  read_bias(fields, asked.params, context.service.vocab_size());
  read_ends(fields, context, asked.params);
  asked.n = fields.integer("n").value_or(1);
  if (asked.n < 1 || asked.n > context.options.max_n) {
    fields.fail("n", cat("Invalid 'n': expected an integer from 1 to ", context.options.max_n, ", but got ",
                         asked.n, " instead."));
  }
  if (asked.n > 1 && asked.params.temperature == 0) {
    fields.fail("n", cat("n must be 1 when using greedy sampling, got ", asked.n, "."));
  }
  const auto seed = fields.integer("seed");
  asked.params.seed =
      seed ? static_cast<uint64_t>(*seed) : context.options.seed.value_or(context.ids.random_bits());
  asked.priority = fields.integer("priority").value_or(0);
  asked.cache_salt = fields.text("cache_salt").value_or("");
  asked.request_id = fields.text("request_id").value_or("");
  asked.return_token_ids = fields.boolean("return_token_ids").value_or(false);
  fields.ignore({"user", "store", "metadata", "service_tier", "spaces_between_special_tokens",
                 "logprobs_mode", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
                 "verbosity", "truncate_prompt_tokens"});
  return asked;
}

void fit_context(SamplingParams& params, int64_t prompt_tokens, int64_t max_positions,
                 const std::string& noun) {
  const int64_t wanted = params.max_new_tokens.value_or(0);
  if (prompt_tokens + std::max<int64_t>(wanted, 1) > max_positions) {
    ApiError error(
        400,
        cat("This model's maximum context length is ", max_positions, " tokens. However, you requested ",
            prompt_tokens + wanted, " tokens (", prompt_tokens, " in the ", noun, ", ", wanted,
            " in the completion). Please reduce the length of the ", noun, " or completion."),
        noun);
    error.extra["n_prompt_tokens"] = prompt_tokens;
    error.extra["n_ctx"] = max_positions;
    throw error;
  }
  if (!params.max_new_tokens) params.max_new_tokens = max_positions - prompt_tokens;
  params.min_tokens = std::min(params.min_tokens, *params.max_new_tokens);
}

}  // namespace swift::infer::server
