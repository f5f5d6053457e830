// One answer as it grows: tokens chosen from logits, their text, and what ends it.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "infer/event.h"
#include "infer/sampler.h"
#include "infer/stop.h"
#include "text/tokenizer.h"

namespace swift::infer {

class Completion {
 public:
  // eos_ids: of the model. room: tokens the answer may have. The tokenizer must outlive it.
  Completion(const Request& request, const text::Tokenizer& tokenizer, std::span<const int32_t> eos_ids,
             int64_t room);

  // Chooses a token from the logits (vocab) and adds it, its text and log-probabilities to the event; sets
  // the event's finish_reason when it ends the answer. Throws as Sampler::next() does.
  int32_t extend(std::span<const float> logits, SamplingScratch& scratch, Event& event);
  // The same for a token that was drawn where the logits are, by rule(), with what that asks for; null: it
  // asks for nothing.
  void take_drawn(int32_t token, const ops::DrawnLogProbs* told, size_t vocab, Event& event);
  ops::DrawRule rule(size_t vocab) { return sampler_.rule(vocab); }
  // Ends the answer early, or for good: adds the text held back.
  void close(FinishReason reason, Event& event);

  int64_t tokens() const { return sampler_.chosen(); }
  int64_t left() const { return room_ - tokens(); }
  const Sampler& sampler() const { return sampler_; }

 private:
  std::string text_of(int32_t token);
  void show(int32_t token, Event& event);

  const text::Tokenizer& tokenizer_;
  Sampler sampler_;
  text::StreamDecoder decoder_;
  StopMatcher stops_;
  int64_t room_;
};

}  // namespace swift::infer
