// The decoder as a StepModel: weights laid out for serving (ops/packed_weight.h), keys and values in blocks
// (ops/kv_cache.h), several adapters in one batch. Every token's result depends on the tokens before it
// alone, bit for bit.
#pragma once
#include <memory>
#include <vector>

#include "base/mapped_watch.h"
#include "infer/decoder_loop.h"
#include "infer/step_model.h"
#include "model/decoder.h"
#include "model/serving.h"
#include "ops/kv_cache.h"

namespace swift::infer {

struct CacheOptions {
  ops::KvKind kind = ops::KvKind::model;
  // Memory of the cache; 0: a quarter of what is available, on a GPU nine tenths. Pages of the host are taken
  // when they are first used.
  int64_t bytes = 0;
  int64_t most_tokens = 0;  // more than these are never needed; 0: not known
  bool graphs = true;       // passes of a device are queued as a whole (decoder_loop.h)
};

class DecoderModel : public StepModel {
 public:
  // Throws base::Error(device) when the cache would not hold one block.
  // watch: of the files that the decoder's weights are mapped from; each call then fails once one is damaged.
  explicit DecoderModel(model::Decoder decoder, const CacheOptions& options = {},
                        std::shared_ptr<base::MappedWatch> watch = nullptr,
                        const model::ServingForm& form = {});
  DecoderModel(const DecoderModel&) = delete;  // its loop refers to it
  // Computes with the weights of a decoder that is being trained and with its adapter as it is at the time,
  // laid out beside it (model::laid_out_beside). Throws as the constructor does.
  static std::unique_ptr<DecoderModel> beside(model::Decoder& trained, const CacheOptions& options = {});
  // To be called after each update of that decoder; keys and values of before hold no longer.
  void follow(model::Decoder& trained);

  int64_t vocab_size() const override { return decoder_.spec.vocab; }
  int64_t max_positions() const override { return decoder_.spec.max_positions; }
  int64_t block_tokens() const override { return ops::kBlockTokens; }
  int64_t blocks() const override { return blocks_; }
  std::span<const float> forward(std::span<const Step> steps) override;
  bool draws() const override { return loop_ != nullptr; }
  ops::DrawnTokens draw(std::span<const Step> steps, std::span<const ops::DrawRule> rules,
                        int64_t count) override;
  int64_t draws_ahead(int64_t sequences) const override;
  std::vector<std::vector<float>> embed(std::span<const Step> steps) override;
  double token_log_prob(std::span<const float> logits, int32_t token, double temperature) const override;
  // Low-rank pairs on linears of the blocks only: throws base::Error(model) for DoRA, saved modules and
  // embeddings, which need a model of their own (swift export --merge_lora), and for a file that is cut short
  // while it is read.
  int32_t load_adapter(const std::filesystem::path& directory) override;
  void unload_adapter(int32_t adapter) override;

 private:
  struct LaidOut {};  // the decoder is laid out already
  DecoderModel(LaidOut /*tag*/, model::Decoder decoder, const CacheOptions& options);
  void start_loop();
  at::Tensor hidden_states(std::span<const Step> steps);
  // Logits (rows, vocab) fp32 that the steps want, where the weights lie; undefined: none.
  at::Tensor wanted_logits(std::span<const Step> steps);

  model::Decoder decoder_;
  int64_t blocks_ = 0;
  bool graphs_ = true;
  std::unique_ptr<ops::KvCache> cache_;
  std::unique_ptr<DecoderLoop> loop_;  // on a device
  int32_t next_adapter_ = 0;
  std::shared_ptr<base::MappedWatch> watch_;
  at::Tensor logits_;  // (rows, vocab) fp32, what forward() hands out
};

}  // namespace swift::infer
