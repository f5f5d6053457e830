#include "cli/compute/loading.h"

#include <algorithm>

#include "base/format.h"
#include "base/log.h"
#include "model/vocabulary_adapter.h"

namespace swift::cli {
namespace fs = std::filesystem;
using base::cat;

std::optional<model::BaseQuantization> base_quantization(const config::Task& task) {
  if (task.quant_method.value_or("") != "bnb") return std::nullopt;
  using Format = model::BaseQuantization::Format;
  model::BaseQuantization settings;
  settings.format = task.quant_bits == 8                ? Format::int8
                    : task.bnb_4bit_quant_type == "fp4" ? Format::fp4
                                                        : Format::nf4;
  settings.double_quant = task.bnb_4bit_use_double_quant;
  settings.compute = model::parse_dtype(task.bnb_4bit_compute_dtype.value_or("auto"));
  return settings;
}

fs::path tokenizer_directory(const config::Task& task) {
  if (!task.adapters.empty() && fs::exists(fs::path(task.adapters.front()) / "tokenizer.json"))
    return task.adapters.front();
  return task.model;
}

text::ModelText load_text(const config::Task& task) {
  return text::load_model_text(task.model, task.chat_template, task.new_special_tokens,
                               tokenizer_directory(task));
}

model::ServingForm serving_form(const config::Task& task) {
  model::ServingForm form{.int8_activations = task.cpu_act == "int8",
                          .int8_head = task.lm_head_dtype == "int8"};
  // An adapter of the model's own or new tokens may change weights that the file is to hold.
  const bool own_weights =
      task.new_special_tokens.empty() &&
      std::all_of(task.adapters.begin(), task.adapters.end(),
                  [](const std::string& given) { return given.find('=') != std::string::npos; });
  if (!task.layout_cache || !own_weights || task.quant_method) return form;
  form.cache = std::make_shared<model::LayoutCache>(
      task.model, cat("torch_dtype ", task.torch_dtype, ", cpu_act ", task.cpu_act, ", lm_head_dtype ",
                      task.lm_head_dtype));
  return form;
}

void fit_vocabulary(const config::Task& task, const text::Tokenizer& tokenizer, model::Decoder& decoder) {
  if (task.new_special_tokens.empty()) return;
  const auto tokens = static_cast<int64_t>(tokenizer.vocab_size());
  const int64_t before = decoder.embed_tokens.size(0), rows = model::vocabulary_rows(decoder, tokens);
  model::resize_vocabulary(decoder, rows);
  base::log::info(rows == before ? cat("new_special_tokens: ", tokens, " tokens fit in the ", rows,
                                       " rows of the embeddings")
                                 : cat("new_special_tokens: embeddings widened from ", before, " to ", rows,
                                       " rows for ", tokens, " tokens"));
}

model::Decoder load_base(const config::Task& task, const text::Tokenizer& tokenizer,
                         const model::ServingForm& form) {
  model::ReadyWeights ready;
  if (form.cache) {
    ready = [cache = form.cache](const std::string& module, at::IntArrayRef sizes, at::ScalarType compute) {
      return cache->find(module, sizes, compute);
    };
  }
  model::Decoder decoder =
      model::load_decoder(task.model, model::parse_dtype(task.torch_dtype), base_quantization(task), ready);
  fit_vocabulary(task, tokenizer, decoder);
  return decoder;
}

}  // namespace swift::cli
