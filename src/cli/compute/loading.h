// Loading as the tasks describe it: quantized bases, new tokens, adapters with a tokenizer of their own.
#pragma once
#include <filesystem>
#include <optional>

#include "config/task.h"
#include "model/load.h"
#include "model/serving.h"
#include "text/model_text.h"

namespace swift::cli {

// How the task keeps the frozen linears; nothing when it keeps them whole.
std::optional<model::BaseQuantization> base_quantization(const config::Task& task);

// Where the tokenizer of the task's model is: its first adapter's directory if that has one, else the model.
std::filesystem::path tokenizer_directory(const config::Task& task);

// The model's text side with new_special_tokens. Throws as text::load_model_text.
text::ModelText load_text(const config::Task& task);

// The base model in the task's type and form, its vocabulary wide enough for new_special_tokens; weights that
// form.cache has are taken from there. Throws as model::load_decoder.
model::Decoder load_base(const config::Task& task, const text::Tokenizer& tokenizer,
                         const model::ServingForm& form = {});

// How the task's model is laid out to answer.
model::ServingForm serving_form(const config::Task& task);

// Widens the vocabulary for new_special_tokens, and says so.
void fit_vocabulary(const config::Task& task, const text::Tokenizer& tokenizer, model::Decoder& decoder);

}  // namespace swift::cli
