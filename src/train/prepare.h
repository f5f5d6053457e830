// From a task to what the trainer needs: tokenizer, template, encoder, samples.
#pragma once
#include <filesystem>
#include <optional>

#include "base/json.h"
#include "config/task.h"
#include "data/dataset.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace swift::train {

// The text side of a model directory.
struct TextSide {
  text::Tokenizer tokenizer;
  std::optional<text::ChatTemplate> chat_template;
  base::Json generation_config;         // {} when the file is absent
  std::vector<int32_t> eos_token_ids;   // tokenizer_config's eos_token first, then generation_config's
  std::optional<int32_t> bos_token_id;  // set when the tokenizer puts one before text
};

// Throws base::Error(model) when the tokenizer is missing or of an unknown kind.
TextSide load_text_side(const config::Task& task);

data::Encoder make_encoder(const config::Task& task, const TextSide& text, int64_t max_positions);

// Loads, encodes and inspects the datasets of the task; says on stderr what they hold, with a dump of the first
// sample. Throws base::Error(data).
data::Dataset prepare_dataset(const config::Task& task, const TextSide& text, const data::Encoder& encoder);

}  // namespace swift::train
