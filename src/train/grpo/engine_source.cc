#include "train/grpo/engine_source.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/signals.h"
#include "ops/gemm.h"

namespace swift::train::grpo {

using base::Error;
using base::ExitCode;

bool rollouts_are_exact(model::Decoder& decoder) {
  if (decoder.dtype() != at::kBFloat16 || !ops::has_panel_gemm()) return false;
  if (decoder.embed_lora || decoder.head_lora || decoder.spec.moe.experts > 0) return false;
  for (const model::LinearLayer* linear : decoder.linears()) {
    const bool odd = linear->weight.size(0) % 2 != 0 || linear->weight.size(1) % 2 != 0;
    if (odd || linear->quantized || (linear->lora && linear->lora->dora)) return false;
  }
  return true;
}

EngineSource::EngineSource(model::Decoder& decoder, const text::Tokenizer& tokenizer,
                           std::vector<int32_t> eos_token_ids, const EngineSourceOptions& options)
    : decoder_(decoder), exact_(rollouts_are_exact(decoder)) {
  const at::NoGradGuard no_grad;
  infer::CacheOptions cache;
  cache.bytes = options.cache_bytes;
  cache.most_tokens = options.most_tokens;
  model_ = infer::DecoderModel::beside(decoder, cache);
  infer::EngineOptions engine;
  engine.eos_token_ids = std::move(eos_token_ids);
  engine.scheduler.max_num_seqs = options.max_num_seqs;
  engine.scheduler.max_num_batched_tokens = options.max_num_batched_tokens;
  engine.scheduler.prefix_caching = options.prefix_caching;
  engine_ = std::make_unique<infer::Engine>(*model_, tokenizer, std::move(engine));
}

void EngineSource::follow(int64_t /*update*/) {
  model_->follow(decoder_);
  engine_->reset_prefix_cache();
}

void EngineSource::add(size_t index, const CompletionRequest& request, const SamplingSettings& settings) {
  infer::Request asked;
  asked.id = index;
  asked.prompt = request.prompt;
  asked.stream = request.stream;
  infer::SamplingParams& params = asked.params;
  params.temperature = settings.temperature;
  params.top_k = settings.top_k;
  params.top_p = settings.top_p;
  params.min_p = settings.min_p;
  params.repetition_penalty = settings.repetition_penalty;
  params.stop = settings.stop_words;
  params.seed = settings.seed;
  params.max_new_tokens = request.max_new_tokens;
  params.sampled_log_probs = settings.temperature > 0;
  engine_->add(std::move(asked));
}

void EngineSource::step(std::vector<Completion>& done, std::vector<char>& begun) {
  if (const int signal = base::stop_signal(); signal != 0) {
    engine_->interrupt();
    throw Error(static_cast<ExitCode>(128 + signal), "stopped while completions were generated");
  }
  for (infer::Event& event : engine_->step()) {
    Completion& completion = done[event.id];
    begun[event.id] = 1;
    completion.ids.insert(completion.ids.end(), event.token_ids.begin(), event.token_ids.end());
    for (const double value : event.sampled_log_probs)
      completion.log_probs.push_back(static_cast<float>(value));
    completion.text += event.text;
    completion.cached_tokens = event.usage.cached_tokens;
    if (event.finish_reason) completion.truncated = *event.finish_reason == infer::FinishReason::length;
  }
  if (const std::exception_ptr failure = engine_->failure()) {
    engine_->interrupt();
    std::rethrow_exception(failure);
  }
}

std::vector<Completion> EngineSource::complete(std::span<const CompletionRequest> requests,
                                               const SamplingSettings& settings) {
  std::vector<Completion> done(requests.size());
  std::vector<char> begun(requests.size(), 0);
  // The first of equal prompts goes ahead: the others then find its keys and values in the cache.
  std::map<std::vector<int32_t>, size_t> first;
  std::vector<size_t> others;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (first.emplace(requests[i].prompt, i).second) {
      add(i, requests[i], settings);
    } else {
      others.push_back(i);
    }
  }
  const auto ahead = [&] {
    return std::any_of(first.begin(), first.end(),
                       [&](const auto& entry) { return begun[entry.second] == 0; });
  };
  while (!others.empty() && ahead()) step(done, begun);
  for (const size_t i : others) add(i, requests[i], settings);
  while (!engine_->idle()) step(done, begun);
  return done;
}

}  // namespace swift::train::grpo
