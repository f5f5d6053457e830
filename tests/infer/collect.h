// Collects what the engine says of each request.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "fake_model.h"
#include "infer/engine.h"

namespace swift::infer::fake {

struct Answer {
  std::string text;
  std::vector<int32_t> tokens;
  std::vector<PositionLogprobs> logprobs;
  std::vector<PositionLogprobs> prompt_logprobs;
  std::optional<FinishReason> finish_reason;
  std::string stop_string;
  std::optional<int32_t> stop_id;
  std::string error;
  Usage usage;
};

// A text must be complete characters at any moment.
struct Answers {
  std::map<uint64_t, Answer> by_id;
  void operator()(const Event& event) {
    Answer& answer = by_id[event.id];
    REQUIRE_FALSE(answer.finish_reason.has_value());
    REQUIRE_NOTHROW(base::Json(event.text).dump());  // throws for half a character
    answer.text += event.text;
    answer.tokens.insert(answer.tokens.end(), event.token_ids.begin(), event.token_ids.end());
    answer.logprobs.insert(answer.logprobs.end(), event.logprobs.begin(), event.logprobs.end());
    if (!event.prompt_logprobs.empty()) answer.prompt_logprobs = event.prompt_logprobs;
    answer.finish_reason = event.finish_reason;
    answer.stop_string = event.stop_string;
    answer.stop_id = event.stop_id;
    answer.error = event.error;
    answer.usage = event.usage;
  }
  void operator()(const std::vector<Event>& events) {
    for (const Event& event : events) (*this)(event);
  }
};

inline const text::Tokenizer& tokenizer() {
  static const text::Tokenizer value = byte_tokenizer();
  return value;
}

inline std::map<uint64_t, Answer> answer_all(Engine& engine) {
  Answers answers;
  while (!engine.idle()) {
    answers(engine.step());
    REQUIRE(engine.pool().consistent());
  }
  REQUIRE(engine.pool().used() == 0);
  return answers.by_id;
}

// The same tokens, logprobs and ends.
inline bool same(const std::map<uint64_t, Answer>& a, const std::map<uint64_t, Answer>& b) {
  const auto logprob = [](const PositionLogprobs& position) { return position.chosen.logprob; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](const auto& x, const auto& y) {
    const auto& p = x.second.logprobs;
    const auto& q = y.second.logprobs;
    return x.first == y.first && x.second.tokens == y.second.tokens && x.second.text == y.second.text &&
           x.second.finish_reason == y.second.finish_reason &&
           std::equal(p.begin(), p.end(), q.begin(), q.end(),
                      [&](const auto& s, const auto& t) { return logprob(s) == logprob(t); });
  });
}

}  // namespace swift::infer::fake
