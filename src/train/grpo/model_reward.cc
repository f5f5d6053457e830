#include "train/grpo/model_reward.h"

#include <algorithm>

#include "base/format.h"
#include "data/encode.h"
#include "model/adapter.h"
#include "model/load.h"
#include "model/placement.h"
#include "model/value_head.h"
#include "ops/upload.h"
#include "text/model_text.h"

namespace swift::train::grpo {

using at::Tensor;
using base::Error;
using base::ExitCode;
namespace fs = std::filesystem;

namespace {

constexpr int64_t kTokensAtOnce = 4096;

// The base of an adapter, or the directory itself.
fs::path base_of(const fs::path& directory) {
  const fs::path config = directory / "adapter_config.json";
  if (!fs::exists(config)) return directory;
  return base::read_json(config, ExitCode::model).value("base_model_name_or_path", "");
}

model::Decoder load(const fs::path& directory, const std::string& torch_dtype, at::Device device) {
  const fs::path base = base_of(directory);
  model::Decoder decoder = model::load_decoder(base, model::parse_dtype(torch_dtype));
  if (base != directory) model::load_adapter(decoder, directory);
  model::move_to(decoder, device);
  if (decoder.score.defined()) return decoder;
  throw Error(ExitCode::model, "the reward model has no head 'score'", {directory.string()},
              "train one with method: rm");
}

data::Encoder make_encoder(const text::ModelText& text) {
  data::EncodeOptions options;
  options.eos_token_ids = text.eos_token_ids;
  return {text.tokenizer, text.chat_template, options};
}

class ModelReward : public rewards::Reward {
 public:
  ModelReward(const fs::path& directory, const std::string& torch_dtype, at::Device device)
      : name_(directory.filename().string()),
        decoder_(load(directory, torch_dtype, device)),
        text_(text::load_model_text(base_of(directory), std::nullopt)),
        encoder_(make_encoder(text_)) {}

  std::string name() const override { return name_; }

  std::vector<double> score(std::span<const rewards::Scored> rows) override {
    const at::NoGradGuard no_grad;
    std::vector<double> scores;
    std::vector<data::Sample> samples;
    int64_t tokens = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      samples.push_back(encode(rows[i]));
      tokens += static_cast<int64_t>(samples.back().input_ids.size());
      if (tokens < kTokensAtOnce && i + 1 < rows.size()) continue;
      score_pack(samples, scores);
      samples.clear();
      tokens = 0;
    }
    return scores;
  }

 private:
  data::Sample encode(const rewards::Scored& row) const {
    data::Row conversation;
    conversation.messages = row.messages;
    conversation.where = row.where;
    data::Sample sample = encoder_.encode(conversation);
    const auto length = static_cast<int64_t>(sample.input_ids.size());
    if (length > 0 && length <= decoder_.spec.max_positions) return sample;
    throw Error(ExitCode::data,
                base::cat("the conversation has ", length, " tokens for the reward model ", name_,
                          ", which takes 1 to ", decoder_.spec.max_positions),
                row.where, "lower max_completion_length or shorten the prompt");
  }

  void score_pack(const std::vector<data::Sample>& samples, std::vector<double>& scores) const {
    data::Pack pack;
    std::vector<int64_t> last;
    for (const data::Sample& sample : samples) {
      data::append(pack, sample);
      last.push_back(static_cast<int64_t>(pack.input_ids.size()) - 1);
    }
    model::PackedContext attention(pack.cu_seqlens);
    const Tensor hidden = decoder_.hidden_states(pack.input_ids, pack.position_ids, attention);
    const Tensor rows = hidden.index_select(0, ops::uploaded(at::tensor(last), hidden.device()));
    const Tensor found = model::scores_of(decoder_, rows).to(at::kCPU, at::kDouble).flatten();
    scores.insert(scores.end(), found.const_data_ptr<double>(),
                  found.const_data_ptr<double>() + found.numel());
  }

  std::string name_;
  model::Decoder decoder_;
  text::ModelText text_;
  data::Encoder encoder_;
};

}  // namespace

std::unique_ptr<rewards::Reward> make_model_reward(const fs::path& directory, const std::string& torch_dtype,
                                                   at::Device device) {
  return std::make_unique<ModelReward>(directory, torch_dtype, device);
}

}  // namespace swift::train::grpo
