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
      ends_(end_ids.begin(), end_ids.end()) {
  validate(params_);
  if (params_.repetition_penalty != 1) seen_.insert(prompt.begin(), prompt.end());
  if (params_.matcher) matcher_ = params_.matcher->clone();
}

bool Sampler::edits_logits() const {
  return params_.repetition_penalty != 1 || params_.presence_penalty != 0 || params_.frequency_penalty != 0 ||
         !params_.logit_bias.empty() || !params_.bad_words.empty() || params_.allowed_ids || matcher_ ||
         chosen() < params_.min_tokens;
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

void Sampler::mask(std::span<float> logits, SamplingScratch& scratch) const {
  if (params_.allowed_ids) {
    scratch.mask.assign((logits.size() + 63) / 64, 0);
    for (const int32_t id : *params_.allowed_ids) set_bit(scratch.mask, id);
    for (const int32_t id : ends_) set_bit(scratch.mask, id);
    keep_bits(logits, scratch.mask);
  }
  if (matcher_) {
    scratch.mask = allowed_;
    if (may_end_) {
      for (const int32_t id : ends_) set_bit(scratch.mask, id);
    }
    keep_bits(logits, scratch.mask);
  }
  for (const std::vector<int32_t>& words : params_.bad_words) {
    const std::span<const int32_t> sequence(words);
    const auto last = static_cast<size_t>(sequence.back());
    if (last < logits.size() && ends_with(answer_, sequence.first(sequence.size() - 1))) {
      logits[last] = kForbidden;
    }
  }
  if (chosen() < params_.min_tokens) {
    for (const int32_t id : ends_) {
      if (static_cast<size_t>(id) < logits.size()) logits[static_cast<size_t>(id)] = kForbidden;
    }
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
    mask(scratch.logits, scratch);
    scores = scratch.logits;
    if (std::all_of(scores.begin(), scores.end(), [](float score) { return score == kForbidden; })) {
      throw base::Error(base::ExitCode::data,
                        "the answer's constraint, allowed_ids, bad_words, min_tokens and logit_bias leave no "
                        "token that may come next");
    }
  }
  const int32_t token = choose(scores, answer_.size(), scratch);
  take(token);
  if (matcher_ && !ends(token)) look_ahead(logits.size());
  return token;
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
