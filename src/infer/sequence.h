// A request the engine works on: its tokens, its blocks of the cache, its answer.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "infer/completion.h"
#include "infer/event.h"

namespace swift::infer {

struct Sequence {
  Sequence(Request given, const text::Tokenizer& tokenizer, std::span<const int32_t> eos_ids, int64_t room)
      : request(std::move(given)),
        completion(request, tokenizer, eos_ids, room),
        tokens(std::move(request.prompt)),
        prompt_tokens(length()) {}

  int64_t length() const { return static_cast<int64_t>(tokens.size()); }
  // Tokens whose keys and values are not in the cache. One: the next forward pass gives the next token.
  int64_t pending() const { return length() - computed; }
  bool wants_prompt_logprobs() const {
    return request.params.prompt_logprobs.has_value() && prompt_logprobs_done + 1 < prompt_tokens;
  }
  Usage usage() const { return {prompt_tokens, completion.tokens(), cached_tokens}; }

  Request request;  // its prompt is in `tokens`
  Completion completion;
  std::vector<int32_t> tokens;  // of prompt and answer
  int64_t prompt_tokens;
  std::vector<int32_t> draft;          // guesses of what follows
  int32_t adapter = -1;                // the model's index
  std::pair<int64_t, uint64_t> order;  // smaller goes first

  int64_t computed = 0;          // leading tokens whose keys and values are in the cache
  std::vector<int32_t> blocks;   // block table
  std::vector<uint64_t> hashes;  // of the leading full blocks
  int64_t stored = 0;            // leading blocks that the prefix cache knows
  uint64_t parent = 0;           // serial of the last of those
  uint64_t epoch = 0;            // of the prefix cache, when the blocks were taken
  int64_t cached_tokens = 0;     // of the prompt, found in the prefix cache
  bool preempted = false;        // at some time: what it finds in the cache may be its own
  double first_pass = -1;        // when it began, on the engine's clock; negative: not yet
  int64_t prompt_logprobs_done = 0;
  std::vector<PositionLogprobs> prompt_logprobs;  // until the first event takes them
};

}  // namespace swift::infer
