// Log-probabilities in the forms of the APIs.
#pragma once
#include <span>
#include <string>

#include "base/json.h"
#include "infer/event.h"
#include "text/tokenizer.h"

namespace swift::infer::server {

// A token as a text of its own: "bytes:\xe2\x96" where its bytes are no UTF-8.
std::string token_text(const text::Tokenizer& tokenizer, int32_t id);

// [{token, logprob, bytes, top_logprobs: [{token, logprob, bytes}…]}…] of the chat API.
base::Json chat_logprobs(const text::Tokenizer& tokenizer, std::span<const PositionLogprobs> positions);

// vLLM's prompt_logprobs: null for the first token, then {"id": {logprob, rank, decoded_token}…} each.
base::Json prompt_logprobs(const text::Tokenizer& tokenizer, std::span<const PositionLogprobs> positions);

// {tokens, token_logprobs, top_logprobs, text_offset} of the completions API, gathered token by token.
class LegacyLogprobs {
 public:
  // offset: of the first token in the text, in characters.
  LegacyLogprobs(const text::Tokenizer& tokenizer, bool with_top, size_t offset = 0)
      : tokenizer_(tokenizer), with_top_(with_top), offset_(offset) {}
  void add_without(int32_t id);  // a token whose log-probability is not known: the prompt's first
  void add(const PositionLogprobs& position);
  // What was added since the last call.
  base::Json take();

 private:
  void add_token(int32_t id);
  const text::Tokenizer& tokenizer_;
  bool with_top_;
  size_t offset_;
  base::Json tokens_ = base::Json::array(), logprobs_ = base::Json::array(), top_ = base::Json::array(),
             offsets_ = base::Json::array();
};

}  // namespace swift::infer::server
