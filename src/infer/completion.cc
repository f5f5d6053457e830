#include "infer/completion.h"

#include <algorithm>

namespace swift::infer {
namespace {

// End-of-sequence ids, the request's own, and stop strings that are one special token: those never show up in
// the text.
std::vector<int32_t> end_ids(const SamplingParams& params, const text::Tokenizer& tokenizer,
                             std::span<const int32_t> eos_ids) {
  std::vector<int32_t> ids = params.stop_ids;
  if (!params.ignore_eos) ids.insert(ids.end(), eos_ids.begin(), eos_ids.end());
  for (const std::string& stop : params.stop) {
    const auto id = tokenizer.id_of(stop);
    if (id && tokenizer.is_special(*id)) ids.push_back(*id);
  }
  return ids;
}

}  // namespace

Completion::Completion(const Request& request, const text::Tokenizer& tokenizer,
                       std::span<const int32_t> eos_ids, int64_t room)
    : tokenizer_(tokenizer),
      sampler_(request.params, request.prompt, request.stream, end_ids(request.params, tokenizer, eos_ids)),
      decoder_(tokenizer, request.params.skip_special),
      stops_(request.params.stop, request.params.include_stop),
      room_(std::min(room, request.params.max_new_tokens.value_or(room))) {}

std::string Completion::text_of(int32_t token) {
  // Rows of the output head beyond the tokenizer are padding: they have no text.
  if (static_cast<size_t>(token) >= tokenizer_.vocab_size()) return {};
  return decoder_.push(token);
}

int32_t Completion::extend(std::span<const float> logits, SamplingScratch& scratch, Event& event) {
  const SamplingParams& params = sampler_.params();
  const int32_t token = sampler_.next(logits, scratch);
  if (params.logprobs) event.logprobs.push_back(position_logprobs(logits, token, params.top_logprobs));
  show(token, event);
  return token;
}

void Completion::take_drawn(int32_t token, const ops::DrawnLogProbs* told, size_t vocab, Event& event) {
  const SamplingParams& params = sampler_.params();
  sampler_.take_drawn(token, vocab);
  if (params.logprobs) {
    PositionLogprobs& position = event.logprobs.emplace_back();
    position.chosen = {token, told->chosen};
    const auto count = std::min(told->top.size(), static_cast<size_t>(params.top_logprobs));
    for (size_t i = 0; i < count; ++i) position.top.push_back({told->top[i].first, told->top[i].second});
  }
  if (params.sampled_log_probs) event.sampled_log_probs.push_back(told->sampled);
  show(token, event);
}

// What the chosen token means for the event.
void Completion::show(int32_t token, Event& event) {
  const SamplingParams& params = sampler_.params();
  event.token_ids.push_back(token);
  if (sampler_.ends(token)) {
    event.stop_id = token;
    if (params.include_stop) event.text += stops_.push(text_of(token));
    close(FinishReason::stop, event);
    return;
  }
  const std::string text = text_of(token);
  event.text += tokens() < params.min_tokens ? stops_.pass(text) : stops_.push(text);
  if (stops_.matched() || sampler_.complete()) {
    close(FinishReason::stop, event);
  } else if (left() <= 0) {
    close(FinishReason::length, event);
  }
}

void Completion::close(FinishReason reason, Event& event) {
  event.text += stops_.push(decoder_.finish());
  event.text += stops_.finish();
  // The bytes held back for a character can still complete a stop string.
  event.finish_reason = stops_.matched() && reason != FinishReason::failed ? FinishReason::stop : reason;
  event.stop_string = stops_.match();
}

}  // namespace swift::infer
