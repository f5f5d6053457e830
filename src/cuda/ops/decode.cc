// ops/device_decode.h: drawing tokens and going on from them.
#include <algorithm>

#include "cuda/decode_step.h"
#include "cuda/ops/cuda_ops.h"
#include "cuda/ops/platform.h"
#include "cuda/sampling.h"
#include "cuda/top_log_probs.h"
#include "ops/device_decode.h"

namespace swift::cuda {
using at::Tensor;
using ops::DrawRule;
namespace {

class Draws final : public ops::TokenDraws {
 public:
  Draws(int64_t rows, int64_t vocab, const at::TensorOptions& options)
      : vocab_(vocab), words_((vocab + 31) / 32) {
    const auto bytes = options.dtype(at::kByte);
    rows_ = at::empty({rows, static_cast<int64_t>(sizeof(SamplingRow))}, bytes);
    edited_ = at::empty({rows, vocab}, options.dtype(at::kFloat));
    const int64_t parts = (vocab + kSamplingPart - 1) / kSamplingPart;
    parts_ = at::empty({rows, parts, static_cast<int64_t>(sizeof(SamplingPart))}, bytes);
    chosen_ = at::empty({rows}, options.dtype(at::kFloat));
    temperatures_ = at::ones({rows, 1}, options.dtype(at::kFloat));
  }

  void set(std::span<const DrawRule> rules) override {
    const int64_t rows = rows_.size(0);
    std::vector<SamplingRow> values(static_cast<size_t>(rows), row_of({}));
    told_ = ops::told_tokens(rules);
    masks_.clear(), seen_.clear(), counts_.clear(), bias_ids_.clear(), bias_values_.clear();
    for (size_t i = 0; i < rules.size(); ++i) {
      values[i] = row_of(rules[i]);
      add_mask(rules[i], values[i]);
      add_penalties(rules[i], values[i]);
      add_bias(rules[i], values[i]);
    }
    rows_.copy_(uploaded(values, rows_).view(rows_.sizes()));
    mask_ = uploaded_or_none(masks_), seen_words_ = uploaded_or_none(seen_);
    bias_id_ = uploaded_or_none(bias_ids_), bias_value_ = uploaded_or_none(bias_values_);
    count_ = uploaded_counts();
    sampled_ = std::any_of(rules.begin(), rules.end(), [](const DrawRule& r) { return r.sampled_log_prob; });
    if (sampled_) set_temperatures(rules);
  }

  void draw(const Tensor& logits, const Tensor& drawn) override {
    const auto pointer = [](const Tensor& t) { return t.defined() ? t.data_ptr() : nullptr; };
    Sampling a{};
    a.type = type_of(logits);
    a.logits = logits.const_data_ptr();
    a.stride = logits.stride(0);
    a.rows = static_cast<SamplingRow*>(rows_.data_ptr());
    a.seen = static_cast<uint32_t*>(pointer(seen_words_));
    a.counts = static_cast<uint16_t*>(pointer(count_));
    a.mask = static_cast<const uint32_t*>(pointer(mask_));
    a.bias_ids = static_cast<const int32_t*>(pointer(bias_id_));
    a.bias_values = static_cast<const float*>(pointer(bias_value_));
    a.edited = edited_.data_ptr<float>();
    a.parts = static_cast<SamplingPart*>(parts_.data_ptr());
    a.tokens = drawn.data_ptr<int32_t>();
    a.log_probs = told_ >= 0 ? chosen_.data_ptr<float>() : nullptr;
    a.row_count = static_cast<int>(logits.size(0));
    a.vocab = static_cast<int>(vocab_);
    sample(a, stream_of(logits));
  }

  Tensor words(const Tensor& logits, const Tensor& drawn) const override {
    const Tensor token = drawn.unsqueeze(1);
    if (told_ < 0) return token;
    const auto as_words = [](const Tensor& t) { return t.view(at::kInt); };
    const Tensor sampled = sampled_ ? sampled_log_probs(logits, drawn) : at::zeros_like(chosen_);
    std::vector<Tensor> all = {token, as_words(chosen_).unsqueeze(1), as_words(sampled).unsqueeze(1)};
    if (told_ > 0) {
      const Tensor ids = at::empty({logits.size(0), told_}, drawn.options());
      const Tensor values = at::empty({logits.size(0), told_}, chosen_.options());
      top_log_probs(
          {type_of(logits), logits.const_data_ptr(), logits.stride(0), nullptr, ids.data_ptr<int32_t>(),
           values.data_ptr<float>(), static_cast<int>(logits.size(0)), static_cast<int>(vocab_), told_},
          stream_of(logits));
      all.push_back(ids);
      all.push_back(as_words(values));
    }
    return at::cat(all, 1);
  }

  bool is_fixed() const override { return masks_.empty() && seen_.empty() && bias_ids_.empty(); }

 private:
  void set_temperatures(std::span<const DrawRule> rules) {
    std::vector<float> values(static_cast<size_t>(temperatures_.size(0)), 1.0F);
    for (size_t i = 0; i < rules.size(); ++i)
      if (rules[i].temperature > 0) values[i] = rules[i].temperature;
    temperatures_.copy_(uploaded(values, rows_).view({-1, 1}));
  }
  Tensor sampled_log_probs(const Tensor& logits, const Tensor& drawn) const {
    // What is no token has no log-probability; nobody asks for it.
    const Tensor labels = drawn.clamp_min(0).to(at::kLong);
    return ops::device_ops(logits)->token_log_probs({logits / temperatures_, labels, 1.0}, false).log_probs;
  }

  static SamplingRow row_of(const DrawRule& rule) {
    return {rule.temperature,
            rule.top_p,
            rule.min_p,
            rule.top_k,
            rule.repetition_penalty,
            rule.presence_penalty,
            rule.frequency_penalty,
            /*slot=*/-1,
            /*mask_row=*/-1,
            0,
            0,
            rule.seed,
            rule.stream,
            rule.index};
  }
  void add_mask(const DrawRule& rule, SamplingRow& row) {
    if (rule.mask.empty()) return;
    row.mask_row = static_cast<int32_t>(masks_.size() / static_cast<size_t>(words_));
    const size_t first = masks_.size();
    masks_.resize(first + static_cast<size_t>(words_), 0);
    for (size_t w = 0; w < static_cast<size_t>(words_) && w / 2 < rule.mask.size(); ++w)
      masks_[first + w] = static_cast<int32_t>(static_cast<uint32_t>(rule.mask[w / 2] >> (w % 2 * 32)));
  }

  // seen and counts have a row for each row with any penalty.
  void add_penalties(const DrawRule& rule, SamplingRow& row) {
    if (rule.repetition_penalty == 1 && rule.presence_penalty == 0 && rule.frequency_penalty == 0) return;
    const size_t first = seen_.size();
    row.slot = static_cast<int32_t>(first / static_cast<size_t>(words_));
    seen_.resize(first + static_cast<size_t>(words_), 0);
    for (const int32_t id : rule.seen)
      seen_[first + static_cast<size_t>(id / 32)] |= static_cast<int32_t>(uint32_t{1} << id % 32);
    for (const auto& [id, count] : rule.counts) counts_.push_back({row.slot, id, count});
  }

  void add_bias(const DrawRule& rule, SamplingRow& row) {
    row.bias_begin = static_cast<int32_t>(bias_ids_.size());
    for (const auto& [id, value] : rule.bias) bias_ids_.push_back(id), bias_values_.push_back(value);
    row.bias_end = static_cast<int32_t>(bias_ids_.size());
  }

  template <class T>
  Tensor uploaded_or_none(const std::vector<T>& values) const {
    return values.empty() ? Tensor() : uploaded(values, rows_);
  }

  // (slots, vocab) 16-bit counts from the few that are not 0.
  Tensor uploaded_counts() const {
    if (seen_.empty()) return {};
    const int64_t slots = static_cast<int64_t>(seen_.size()) / words_;
    Tensor counts = at::zeros({slots * vocab_}, rows_.options().dtype(at::kShort));
    if (counts_.empty()) return counts;
    std::vector<int64_t> places;
    std::vector<int32_t> values;
    for (const auto& [slot, id, count] : counts_) {
      places.push_back(slot * vocab_ + id);
      values.push_back(std::min(count, 65535));
    }
    return counts.index_copy_(0, uploaded(places, rows_), uploaded(values, rows_).to(at::kShort));
  }

  struct Count {
    int64_t slot;
    int32_t id, count;
  };
  int64_t vocab_, words_;                         // words of 32 bits of a row of mask and seen
  Tensor rows_, edited_, parts_;                  // cuda/sampling.h
  Tensor chosen_;                                 // (rows) fp32 log-probabilities
  Tensor temperatures_;                           // (rows, 1) fp32
  int32_t told_ = -1;                             // ops::told_tokens() of the last rules
  bool sampled_ = false;                          // whether they ask for sampled log-probabilities
  std::vector<int32_t> masks_, seen_, bias_ids_;  // what the last rules uploaded
  std::vector<float> bias_values_;
  std::vector<Count> counts_;
  Tensor mask_, seen_words_, count_, bias_id_, bias_value_;
};

}  // namespace

std::unique_ptr<ops::TokenDraws> CudaOps::token_draws(int64_t rows, int64_t vocab,
                                                      const at::TensorOptions& options) const {
  return std::make_unique<Draws>(rows, vocab, options);
}

void CudaOps::advance(const ops::DecodeState& state) const {
  decode_step({state.drawn.const_data_ptr<int32_t>(), state.ids.data_ptr<int64_t>(),
               state.positions.data_ptr<int64_t>(), state.slots.data_ptr<int64_t>(),
               state.lengths.data_ptr<int32_t>(), state.tables.const_data_ptr<int32_t>(),
               static_cast<int>(state.tables.size(1)), static_cast<int>(ops::kBlockTokens),
               static_cast<int>(state.ids.size(0))},
              stream_of(state.ids));
}

std::unique_ptr<ops::DeviceGraph> CudaOps::capture(const std::function<void()>& work) const {
  return captured(work);
}

}  // namespace swift::cuda
