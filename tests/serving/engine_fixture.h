// The engine over the golden models, for tests of whole answers.
#pragma once
#include <memory>

#include "../infer/collect.h"
#include "../model/golden.h"
#include "infer/decoder_model.h"
#include "infer/model_drafter.h"
#include "infer/ngram_drafter.h"
#include "model/load.h"

namespace swift::tests {

inline infer::CacheOptions cache_of(int64_t tokens) {
  return {.bytes = int64_t{1} << 26, .most_tokens = tokens};
}

inline infer::DecoderModel served(const std::string& name, int64_t cache_tokens = 8192) {
  return infer::DecoderModel(model::load_decoder(golden("models") / name, std::nullopt),
                             cache_of(cache_tokens));
}

// A model that mostly agrees with the one of that name: its last norm is off by `noise`.
inline infer::DecoderModel disturbed(const std::string& name, double noise) {
  model::Decoder decoder = model::load_decoder(golden("models") / name, std::nullopt);
  at::manual_seed(7);
  decoder.norm = (decoder.norm.to(at::kFloat) * (1 + noise * at::randn({decoder.spec.hidden})))
                     .to(decoder.norm.scalar_type());
  return infer::DecoderModel(std::move(decoder), cache_of(8192));
}

// Ids of the golden models' vocabulary of 128, without the two that begin and end a text.
inline std::vector<int32_t> prompt_of(int64_t count, int64_t seed) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back(static_cast<int32_t>((seed + 7 * i + i * i) % 120 + 2));
  return ids;
}

inline bool equal(const std::vector<infer::PositionLogprobs>& a,
                  const std::vector<infer::PositionLogprobs>& b) {
  const auto same = [](const infer::TokenLogprob& x, const infer::TokenLogprob& y) {
    return x.token_id == y.token_id && x.logprob == y.logprob;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](const auto& x, const auto& y) {
    return same(x.chosen, y.chosen) &&
           std::equal(x.top.begin(), x.top.end(), y.top.begin(), y.top.end(), same);
  });
}

// Everything but what the cache held: bit for bit.
inline bool equal(const infer::fake::Answer& a, const infer::fake::Answer& b) {
  return a.tokens == b.tokens && a.text == b.text && a.finish_reason == b.finish_reason &&
         equal(a.logprobs, b.logprobs) && equal(a.prompt_logprobs, b.prompt_logprobs);
}

}  // namespace swift::tests
