#include "infer/sampler.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace swift::infer {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

// Forbids the tokens whose bit is clear.
void keep_bits(std::span<float> logits, std::span<const uint64_t> bits) {
  for (size_t word = 0; word * 64 < logits.size(); ++word) {
    const uint64_t kept = word < bits.size() ? bits[word] : 0;
    if (kept == ~uint64_t{0}) continue;
    const auto part = logits.subspan(word * 64, std::min<size_t>(64, logits.size() - word * 64));
    if (kept == 0) {
      std::fill(part.begin(), part.end(), kForbidden);
      continue;
    }
    for (size_t i = 0; i < part.size(); ++i) {
      if ((kept >> i & 1) == 0) part[i] = kForbidden;
    }
  }
}

void set_bit(std::vector<uint64_t>& bits, int32_t id) {
  const auto at = static_cast<size_t>(id);
  if (at / 64 < bits.size()) bits[at / 64] |= uint64_t{1} << at % 64;
}

void clear_bit(std::vector<uint64_t>& bits, int32_t id) {
  const auto at = static_cast<size_t>(id);
  if (at / 64 < bits.size()) bits[at / 64] &= ~(uint64_t{1} << at % 64);
}

[[noreturn]] void refuse_mask() {
  throw base::Error(base::ExitCode::data,
                    "the answer's constraint, allowed_ids, bad_words, min_tokens and logit_bias leave no "
                    "token that may come next");
}

bool ends_with(const std::vector<int32_t>& tokens, std::span<const int32_t> suffix) {
  return suffix.size() <= tokens.size() && std::equal(suffix.rbegin(), suffix.rend(), tokens.rbegin());
}

}  // namespace

void penalise(std::span<float> logits, const std::unordered_set<int32_t>& seen, double penalty) {
  const auto factor = static_cast<float>(penalty);
  for (const int32_t id : seen) {
    float& logit = logits[static_cast<size_t>(id)];
    logit = logit < 0 ? logit * factor : logit / factor;
  }
}

Sampler::Sampler(SamplingParams params, std::span<const int32_t> prompt, uint64_t stream,
                 std::vector<int32_t> end_ids)
    : params_(std::move(params)),
      stream_(params_.seed, base::Purpose::sampling, stream),
      stream_index_(stream),
      ends_(end_ids.begin(), end_ids.end()) {
  validate(params_);
  if (params_.repetition_penalty != 1) seen_.insert(prompt.begin(), prompt.end());
  if (params_.matcher) matcher_ = params_.matcher->clone();
}

bool Sampler::edits_logits() const {
  return params_.repetition_penalty != 1 || params_.presence_penalty != 0 || params_.frequency_penalty != 0 ||
         !params_.logit_bias.empty() || masks();
}

void Sampler::add_penalties(std::span<float> logits) const {
  if (params_.repetition_penalty != 1) penalise(logits, seen_, params_.repetition_penalty);
  for (const auto& [id, count] : counts_) {
    logits[static_cast<size_t>(id)] -=
        static_cast<float>(params_.frequency_penalty * static_cast<double>(count) + params_.presence_penalty);
  }
  for (const auto& [id, bias] : params_.logit_bias) {
    if (static_cast<size_t>(id) < logits.size()) logits[static_cast<size_t>(id)] += static_cast<float>(bias);
  }
}

bool Sampler::masks() const {
  return params_.allowed_ids || matcher_ || !params_.bad_words.empty() || chosen() < params_.min_tokens;
}

void Sampler::mask(size_t vocab, std::vector<uint64_t>& bits) const {
  bits.assign((vocab + 63) / 64, ~uint64_t{0});
  if (params_.allowed_ids) {
    std::fill(bits.begin(), bits.end(), 0);
    for (const int32_t id : *params_.allowed_ids) set_bit(bits, id);
    for (const int32_t id : ends_) set_bit(bits, id);
  }
  if (matcher_) {
    std::vector<uint64_t> allowed = allowed_;
    if (may_end_) {
      for (const int32_t id : ends_) set_bit(allowed, id);
    }
    for (size_t word = 0; word < bits.size(); ++word) bits[word] &= word < allowed.size() ? allowed[word] : 0;
  }
  for (const std::vector<int32_t>& words : params_.bad_words) {
    const std::span<const int32_t> sequence(words);
    if (ends_with(answer_, sequence.first(sequence.size() - 1))) clear_bit(bits, sequence.back());
  }
  if (chosen() < params_.min_tokens) {
    for (const int32_t id : ends_) clear_bit(bits, id);
  }
}

// Asks the matcher for the next token's mask, and notes when the answer is whole.
void Sampler::look_ahead(size_t vocab) {
  allowed_.resize((vocab + 63) / 64);
  matcher_->allowed(allowed_);
  may_end_ = matcher_->may_end();
  looked_ahead_ = true;
  complete_ =
      may_end_ && std::all_of(allowed_.begin(), allowed_.end(), [](uint64_t word) { return word == 0; });
}

int32_t Sampler::choose(std::span<const float> logits, uint64_t index, SamplingScratch& scratch) const {
  if (params_.temperature == 0) return arg_max(logits);
  return draw_token(logits, params_, stream_.uniform(index), scratch);
}

int32_t Sampler::next(std::span<const float> logits, SamplingScratch& scratch) {
  std::span<const float> scores = logits;
  if (edits_logits()) {
    arg_max(logits);  // a damaged model must not look like a mask that leaves nothing
    if (matcher_ && !looked_ahead_) look_ahead(logits.size());
    scratch.logits.assign(logits.begin(), logits.end());
    add_penalties(scratch.logits);
    if (masks()) {
      mask(logits.size(), scratch.mask);
      keep_bits(scratch.logits, scratch.mask);
    }
    scores = scratch.logits;
    if (std::all_of(scores.begin(), scores.end(), [](float score) { return score == kForbidden; }))
      refuse_mask();
  }
  const int32_t token = choose(scores, answer_.size(), scratch);
  take(token);
  if (matcher_ && !ends(token)) look_ahead(logits.size());
  return token;
}

ops::DrawRule Sampler::rule(size_t vocab) {
  ops::DrawRule rule;
  rule.temperature = static_cast<float>(params_.temperature);
  rule.top_p = static_cast<float>(params_.top_p);
  rule.min_p = static_cast<float>(params_.min_p);
  rule.top_k = static_cast<int32_t>(std::max<int64_t>(0, params_.top_k));
  rule.repetition_penalty = static_cast<float>(params_.repetition_penalty);
  rule.presence_penalty = static_cast<float>(params_.presence_penalty);
  rule.frequency_penalty = static_cast<float>(params_.frequency_penalty);
  rule.seen.assign(seen_.begin(), seen_.end());
  rule.counts.assign(counts_.begin(), counts_.end());
  for (const auto& [id, value] : params_.logit_bias) {
    if (static_cast<size_t>(id) < vocab) rule.bias.emplace_back(id, static_cast<float>(value));
  }
  if (matcher_ && !looked_ahead_) look_ahead(vocab);
  if (masks()) mask(vocab, rule.mask);
  rule.seed = params_.seed;
  rule.stream = stream_index_;
  rule.index = answer_.size();
  if (params_.logprobs) rule.log_probs = static_cast<int32_t>(params_.top_logprobs);
  rule.sampled_log_prob = params_.sampled_log_probs;
  return rule;
}

void Sampler::take_drawn(int32_t token, size_t vocab) {
  if (token == ops::kNothingLeft) refuse_mask();
  if (token < 0 || static_cast<size_t>(token) >= vocab) refuse_logits();
  take(token);
  if (matcher_ && !ends(token)) look_ahead(vocab);
}

void Sampler::take(int32_t token) {
  answer_.push_back(token);
  if (params_.repetition_penalty != 1) seen_.insert(token);
  if (params_.presence_penalty != 0 || params_.frequency_penalty != 0) ++counts_[token];
  if (!matcher_ || ends(token)) return;
  if (!matcher_->accept(token)) {
    throw base::Error(base::ExitCode::failure, "the answer's constraint refused a token that it allowed");
  }
}

int32_t Sampler::guess(std::span<const float> logits, uint64_t ahead, SamplingScratch& scratch) const {
  return choose(logits, answer_.size() + ahead, scratch);
}

}  // namespace swift::infer
