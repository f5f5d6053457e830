// Completions by the engine in this process, on the weights that are being trained and with the live adapter.
// Prompts that are equal are computed once; all requests share the engine's batches.
#pragma once
#include <memory>

#include "infer/decoder_model.h"
#include "infer/engine.h"
#include "model/decoder.h"
#include "train/grpo/completion_source.h"

namespace swift::train::grpo {

struct EngineSourceOptions {
  int64_t max_num_seqs = 128;
  int64_t max_num_batched_tokens = 2048;
  int64_t most_tokens = 0;  // of all sequences at once: bounds the cache
  int64_t cache_bytes = 0;  // 0: a quarter of what is available
  bool prefix_caching = true;
};

// Whether rollouts of this decoder have the trainer's log-probabilities bit for bit: bf16 on the panel
// kernels, without an update of the vocabulary, DoRA or a quantized base.
bool rollouts_are_exact(model::Decoder& decoder);

class EngineSource : public CompletionSource {
 public:
  // decoder and tokenizer must outlive it.
  EngineSource(model::Decoder& decoder, const text::Tokenizer& tokenizer, std::vector<int32_t> eos_token_ids,
               const EngineSourceOptions& options);

  std::vector<Completion> complete(std::span<const CompletionRequest> requests,
                                   const SamplingSettings& settings) override;
  void follow(int64_t update) override;
  bool exact() const override { return exact_; }
  infer::EngineStats stats() const { return engine_->stats(); }

 private:
  void add(size_t index, const CompletionRequest& request, const SamplingSettings& settings);
  void step(std::vector<Completion>& done, std::vector<char>& begun);

  model::Decoder& decoder_;
  bool exact_;
  std::unique_ptr<infer::DecoderModel> model_;
  std::unique_ptr<infer::Engine> engine_;
};

}  // namespace swift::train::grpo
