#include "infer/decoder_model.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"
#include "base/memory.h"
#include "model/adapter.h"
#include "model/serving.h"
#include "ops/device_ops.h"
#include "ops/label_log_prob.h"
#include "ops/upload.h"

namespace swift::infer {

using at::Tensor;

namespace {

// New keys and values go to the cache, queries meet all of their sequence.
class CacheContext : public model::AttentionContext {
 public:
  CacheContext(ops::KvCache& cache, std::vector<ops::KvSegment> segments, int64_t tokens)
      : cache_(cache), segments_(std::move(segments)) {
    cache_.prepare(segments_, tokens);
  }

  Tensor attend(int64_t layer, const Tensor& q, const Tensor& k, const Tensor& v, double scale) override {
    return cache_.extend(layer, q, k, v, segments_, scale);
  }
  Tensor attend(int64_t layer, const ops::HeadInputs& heads, double scale) override {
    return cache_.extend(layer, heads, segments_, scale);
  }

 private:
  ops::KvCache& cache_;
  std::vector<ops::KvSegment> segments_;
};

ops::KvShape shape_of(const model::ModelSpec& spec, int64_t blocks) {
  return {spec.layers, blocks, spec.attention.kv_heads, spec.attention.head_dim};
}

int64_t count_blocks(const model::Decoder& decoder, const CacheOptions& options) {
  const Tensor& like = decoder.embed_tokens;
  const int64_t each = ops::kv_block_bytes(options.kind, decoder.dtype(), shape_of(decoder.spec, 1), like);
  int64_t bytes = options.bytes;
  if (bytes <= 0) {
    // A device that serves does nothing else; activations need a tenth of it at most.
    const ops::DeviceOps* device = ops::device_ops(like);
    bytes = device != nullptr ? device->free_bytes() / 10 * 9
                              : (base::memory_limit().bytes - base::resident_bytes()) / 4;
  }
  int64_t blocks = bytes / each;
  if (options.most_tokens > 0)
    blocks = std::min(blocks, (options.most_tokens + ops::kBlockTokens - 1) / ops::kBlockTokens);
  if (blocks >= 1) return blocks;
  throw base::Error(base::ExitCode::device,
                    base::cat("the key/value cache gets ", bytes, " bytes, one block needs ", each), {},
                    "free some memory, or keep keys and values in fewer bits");
}

}  // namespace

DecoderModel::DecoderModel(LaidOut /*tag*/, model::Decoder decoder, const CacheOptions& options)
    : decoder_(std::move(decoder)), blocks_(count_blocks(decoder_, options)), graphs_(options.graphs) {
  cache_ = ops::make_kv_cache(options.kind, decoder_.dtype(), shape_of(decoder_.spec, blocks_),
                              decoder_.embed_tokens);
}

std::unique_ptr<DecoderModel> DecoderModel::beside(model::Decoder& trained, const CacheOptions& options) {
  std::unique_ptr<DecoderModel> model(new DecoderModel(LaidOut{}, model::laid_out_beside(trained), options));
  model->start_loop();
  return model;
}

void DecoderModel::start_loop() {
  loop_ = DecoderLoop::make(decoder_, *cache_,
                            std::min(decoder_.spec.max_positions, blocks_ * ops::kBlockTokens), graphs_);
}

void DecoderModel::follow(model::Decoder& trained) {
  const at::NoGradGuard no_grad;
  model::follow_weights(decoder_, trained);
  start_loop();
}

double DecoderModel::token_log_prob(std::span<const float> logits, int32_t token, double temperature) const {
  const auto vocab = static_cast<int64_t>(logits.size());
  return ops::label_log_prob(logits.data(), vocab, token, temperature);
}

DecoderModel::DecoderModel(model::Decoder decoder, const CacheOptions& options,
                           std::shared_ptr<base::MappedWatch> watch, const model::ServingForm& form)
    : DecoderModel(LaidOut{}, std::move(decoder), options) {
  watch_ = std::move(watch);
  model::lay_out_for_serving(decoder_, form);
  start_loop();
  if (watch_) watch_->require_intact();
}

Tensor DecoderModel::hidden_states(std::span<const Step> steps) {
  std::vector<int32_t> ids, positions;
  std::vector<ops::KvSegment> segments;
  model::RowAdapters adapters;
  for (const Step& step : steps) {
    const auto first = static_cast<int64_t>(ids.size()), count = static_cast<int64_t>(step.tokens.size());
    segments.push_back({first, count, step.start, step.blocks});
    adapters.push_back({first, count, step.adapter});
    ids.insert(ids.end(), step.tokens.begin(), step.tokens.end());
    for (int64_t t = 0; t < count; ++t) positions.push_back(static_cast<int32_t>(step.start + t));
  }
  CacheContext attention(*cache_, std::move(segments), static_cast<int64_t>(ids.size()));
  model::Pass pass;
  pass.adapters = &adapters;
  Tensor hidden = decoder_.hidden_states(ids, positions, attention, pass);
  if (watch_) watch_->require_intact();
  return hidden;
}

Tensor DecoderModel::wanted_logits(std::span<const Step> steps) {
  const Tensor hidden = hidden_states(steps);
  std::vector<int64_t> rows;
  int64_t end = 0;
  for (const Step& step : steps) {
    end += static_cast<int64_t>(step.tokens.size());
    for (int64_t row = end - step.logits; row < end; ++row) rows.push_back(row);
  }
  if (rows.empty()) return {};
  const Tensor index = at::empty({static_cast<int64_t>(rows.size())}, at::kLong);
  std::copy(rows.begin(), rows.end(), index.data_ptr<int64_t>());
  return decoder_.logits(hidden.index_select(0, ops::uploaded(index, hidden.device())));
}

std::span<const float> DecoderModel::forward(std::span<const Step> steps) {
  const c10::InferenceMode no_autograd;
  const Tensor logits = wanted_logits(steps);
  if (!logits.defined()) return {};
  logits_ = logits.cpu().contiguous();  // the sampler reads them in the host's memory
  return {logits_.const_data_ptr<float>(), static_cast<size_t>(logits_.numel())};
}

ops::DrawnTokens DecoderModel::draw(std::span<const Step> steps, std::span<const ops::DrawRule> rules,
                                    int64_t count) {
  const c10::InferenceMode no_autograd;
  const bool decodes = std::all_of(steps.begin(), steps.end(), [](const Step& step) {
    return step.tokens.size() == 1 && step.logits == 1 && step.adapter < 0;
  });
  if (decodes) return loop_->run(steps, rules, count);
  const Tensor wanted = wanted_logits(steps);
  if (!wanted.defined()) return {};
  const Tensor logits = wanted.contiguous();
  const auto draws = ops::device_ops(logits)->token_draws(logits.size(0), logits.size(1), logits.options());
  draws->set(rules);
  const Tensor drawn = at::empty({logits.size(0)}, logits.options().dtype(at::kInt));
  draws->draw(logits, drawn);
  const Tensor here = draws->words(logits, drawn).contiguous().cpu();
  return ops::read_drawn(here.const_data_ptr<int32_t>(), 1, here.size(0), here.size(0),
                         ops::told_tokens(rules));
}

// A pass of few sequences is short, and the host's part of it weighs most.
int64_t DecoderModel::draws_ahead(int64_t sequences) const {
  return sequences <= 8 ? 8 : sequences <= 32 ? 4 : 2;
}

std::vector<std::vector<float>> DecoderModel::embed(std::span<const Step> steps) {
  const c10::InferenceMode no_autograd;
  const Tensor hidden = hidden_states(steps).to(at::kCPU, at::kFloat);
  std::vector<std::vector<float>> result;
  int64_t first = 0;
  for (const Step& step : steps) {
    const auto count = static_cast<int64_t>(step.tokens.size());
    const Tensor mean = hidden.narrow(0, first, count).mean(0).contiguous();
    const float* data = mean.const_data_ptr<float>();
    result.emplace_back(data, data + mean.numel());
    first += count;
  }
  return result;
}

int32_t DecoderModel::load_adapter(const std::filesystem::path& directory) {
  const int64_t lost = base::MappedWatch::lost_pages();
  model::serve_adapter(decoder_, directory, next_adapter_);
  if (const int64_t cut = base::MappedWatch::lost_pages() - lost; cut > 0) {
    base::MappedWatch::forgive(cut);
    model::drop_adapter(decoder_, next_adapter_);
    throw base::Error(base::ExitCode::model, "the adapter's file was cut short while it was read",
                      {directory.string()});
  }
  return next_adapter_++;
}

void DecoderModel::unload_adapter(int32_t adapter) {
  model::drop_adapter(decoder_, adapter);
}

}  // namespace swift::infer
