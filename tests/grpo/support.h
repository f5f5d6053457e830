// What the tests of GRPO share: the demo's model with an adapter that does something, prompts, a scripted
// source of completions.
#pragma once
#include <filesystem>
#include <fstream>

#include "../model/golden.h"
#include "base/file.h"
#include "config/task.h"
#include "data/encode.h"
#include "model/adapter.h"
#include "model/load.h"
#include "text/model_text.h"
#include "train/grpo/grpo_trainer.h"
#include "train/parameters.h"

namespace swift::tests {

namespace grpo = swift::train::grpo;
namespace fs = std::filesystem;

inline fs::path demo_model() {
  return fs::path(SWIFT_SOURCE_DIR) / "assets/demo/base";
}

inline fs::path scratch(const std::string& name) {
  const fs::path path = fs::temp_directory_path() / ("swift-grpo-" + std::to_string(getpid())) / name;
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

// Adds N(0, size) to B of every pair, so that the adapter changes the model.
inline void stir(model::Decoder& decoder, double size, uint64_t seed) {
  const at::NoGradGuard no_grad;
  at::manual_seed(seed);
  for (model::LinearLayer* linear : decoder.linears())
    if (linear->lora) linear->lora->b.add_(at::randn_like(linear->lora->b) * size);
}

struct Demo {
  text::ModelText text = text::load_model_text(demo_model(), std::nullopt);
  model::Decoder decoder;
  model::LoraSettings settings;
  std::optional<data::Encoder> encoder;

  explicit Demo(const std::string& dtype = "bfloat16", double size = 0.02)
      : decoder(model::load_decoder(demo_model(), model::parse_dtype(dtype))) {
    settings.rank = 4;
    settings.targets = {"all-linear"};
    model::attach_lora(decoder, settings, 7);
    if (size > 0) stir(decoder, size, 1);
    data::EncodeOptions options;
    options.eos_token_ids = text.eos_token_ids;
    encoder.emplace(text.tokenizer, text.chat_template, options);
  }

  std::vector<int32_t> ends() const {
    std::vector<int32_t> ids = text.eos_token_ids;
    for (const int32_t id : encoder->end_ids()) ids.push_back(id);
    return ids;
  }

  grpo::Prompt prompt(const std::string& question) const {
    grpo::Prompt prompt;
    prompt.row.messages = base::Json::array({{{"role", "user"}, {"content", question}}});
    prompt.row.columns = base::Json::object();
    prompt.row.where = {"rows.jsonl", 1, 0};
    prompt.question = question;
    prompt.ids = encoder->encode_prompt(prompt.row);
    return prompt;
  }
};

// Answers with fixed texts, one after another; each ends with the end of the turn.
class ScriptedSource : public grpo::CompletionSource {
 public:
  ScriptedSource(const text::Tokenizer& tokenizer, int32_t end, std::vector<std::string> texts)
      : tokenizer_(tokenizer), end_(end), texts_(std::move(texts)) {}
  std::vector<grpo::Completion> complete(std::span<const grpo::CompletionRequest> requests,
                                         const grpo::SamplingSettings& /*settings*/) override {
    std::vector<grpo::Completion> done;
    for (const auto& request : requests) {
      asked.push_back(request);
      grpo::Completion completion;
      completion.text = texts_[next_++ % texts_.size()];
      completion.ids = tokenizer_.encode(completion.text);
      completion.ids.push_back(end_);
      completion.log_probs.assign(completion.ids.size(), -0.5F);
      done.push_back(std::move(completion));
    }
    return done;
  }
  void follow(int64_t /*update*/) override {}
  bool exact() const override { return false; }

  std::vector<grpo::CompletionRequest> asked;

 private:
  const text::Tokenizer& tokenizer_;
  int32_t end_;
  std::vector<std::string> texts_;
  size_t next_ = 0;
};

}  // namespace swift::tests
