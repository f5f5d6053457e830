#include "infer/server/logprobs_json.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace swift::infer::server {

using base::Json;

namespace {

// JSON has no infinity; OpenAI gives -9999 for a token that cannot come.
double finite(double logprob) {
  return std::isfinite(logprob) ? logprob : -9999.0;
}

Json entry(const text::Tokenizer& tokenizer, const TokenLogprob& token) {
  Json bytes = Json::array();
  for (const char c : tokenizer.bytes_of(token.token_id)) bytes.push_back(static_cast<unsigned char>(c));
  return {{"token", token_text(tokenizer, token.token_id)},
          {"logprob", finite(token.logprob)},
          {"bytes", std::move(bytes)}};
}

size_t characters(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::string token_text(const text::Tokenizer& tokenizer, int32_t id) {
  const std::string bytes = tokenizer.bytes_of(id);
  if (base::is_utf8(bytes)) return bytes;
  std::string text = "bytes:";
  for (const char c : bytes) {
    char hex[8];
    std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned char>(c));
    text += hex;
  }
  return text;
}

Json chat_logprobs(const text::Tokenizer& tokenizer, std::span<const PositionLogprobs> positions) {
  Json out = Json::array();
  for (const PositionLogprobs& position : positions) {
    Json item = entry(tokenizer, position.chosen);
    item["top_logprobs"] = Json::array();
    for (const TokenLogprob& token : position.top) item["top_logprobs"].push_back(entry(tokenizer, token));
    out.push_back(std::move(item));
  }
  return out;
}

Json prompt_logprobs(const text::Tokenizer& tokenizer, std::span<const PositionLogprobs> positions) {
  Json out = Json::array({nullptr});
  for (const PositionLogprobs& position : positions) {
    Json item = Json::object();
    const auto add = [&](const TokenLogprob& token, Json rank) {
      item[std::to_string(token.token_id)] = {{"logprob", finite(token.logprob)},
                                              {"rank", std::move(rank)},
                                              {"decoded_token", token_text(tokenizer, token.token_id)}};
    };
    add(position.chosen, nullptr);
    for (size_t i = 0; i < position.top.size(); ++i) add(position.top[i], i + 1);
    out.push_back(std::move(item));
  }
  return out;
}

void LegacyLogprobs::add_token(int32_t id) {
  tokens_.push_back(token_text(tokenizer_, id));
  offsets_.push_back(offset_);
  offset_ += characters(tokenizer_.bytes_of(id));
}

void LegacyLogprobs::add_without(int32_t id) {
  add_token(id);
  logprobs_.push_back(nullptr);
  top_.push_back(nullptr);
}

void LegacyLogprobs::add(const PositionLogprobs& position) {
  add_token(position.chosen.token_id);
  logprobs_.push_back(finite(position.chosen.logprob));
  Json top = Json::object();
  for (const TokenLogprob& token : position.top) {
    top[token_text(tokenizer_, token.token_id)] = finite(token.logprob);
  }
  if (with_top_) top[token_text(tokenizer_, position.chosen.token_id)] = finite(position.chosen.logprob);
  top_.push_back(with_top_ ? std::move(top) : Json(nullptr));
}

Json LegacyLogprobs::take() {
  Json out = {{"text_offset", std::move(offsets_)},
              {"token_logprobs", std::move(logprobs_)},
              {"tokens", std::move(tokens_)},
              {"top_logprobs", std::move(top_)}};
  tokens_ = logprobs_ = top_ = offsets_ = Json::array();
  return out;
}

}  // namespace swift::infer::server
