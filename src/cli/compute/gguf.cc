#include "cli/compute/gguf.h"

#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "cli/compute/loading.h"
#include "model/families.h"
#include "quant/gguf/architecture.h"
#include "quant/gguf/export.h"
#include "quant/gguf/modelfile.h"
#include "quant/gguf/tokenizer.h"
#include "text/new_tokens.h"

namespace swift::cli {
namespace {

namespace fs = std::filesystem;
namespace gguf = quant::gguf;
using base::cat;

// The last part of the model's path.
std::string name_of(const config::Task& task) {
  const fs::path model = fs::absolute(task.model).lexically_normal();
  return (model.has_filename() ? model : model.parent_path()).filename().string();
}

text::TokenizerFile tokenizer_file(const config::Task& task) {
  text::TokenizerFile file = text::TokenizerFile::read(tokenizer_directory(task) / "tokenizer.json");
  text::add_special_tokens(file, task.new_special_tokens);
  return file;
}

gguf::TokenizerSource source_of(const config::Task& task, const text::TokenizerFile& file,
                                const text::ModelText& text, int64_t rows) {
  return {file, text, text::special_tokens(task.model), model::HfConfig::read(task.model).json(), rows};
}

std::string modelfile(const config::Task& task, const gguf::TokenizerSource& source,
                      const std::string& file) {
  gguf::ModelfileSource found{file, source.text, task.system};
  if (task.enable_thinking) found.variables["enable_thinking"] = *task.enable_thinking;
  if (gguf::adds_bos(source)) found.bos = source.special.value("bos_token", "");
  return gguf::modelfile(found);
}

}  // namespace

void check_gguf(const config::Task& task) {
  const gguf::FileType type = gguf::parse_file_type(task.gguf_type);
  const model::HfConfig config = model::HfConfig::read(task.model);
  gguf::architecture_of(model::read_spec(config));
  if (!gguf::quantized(type) || !config.has("quantization_config")) return;
  if (task.adapters.empty()) {
    throw base::Error(base::ExitCode::usage, "the model is quantized already", {task.model},
                      "export the model that it was made from, or set gguf_type: f16");
  }
  base::log::warn("the weights are quantized a second time: they lose more than those of a whole model");
}

void export_gguf(const config::Task& task, const model::Decoder& decoder, const fs::path& target) {
  const gguf::FileType type = gguf::parse_file_type(task.gguf_type);
  const text::ModelText text = load_text(task);
  const text::TokenizerFile file = tokenizer_file(task);
  const int64_t rows = decoder.embed_tokens.size(0);
  const gguf::TokenizerSource source = source_of(task, file, text, rows);
  const std::string name = cat("model-", gguf::name_of(type), ".gguf");
  base::AtomicDirectory directory(target);
  gguf::write_model(directory.path() / name, decoder, source, name_of(task), type);
  base::write_file_atomic(directory.path() / "Modelfile", modelfile(task, source, name));
  directory.commit();
  base::log::info(cat("GGUF: ", (target / name).string(), ", ",
                      base::human_bytes(static_cast<double>(fs::file_size(target / name))),
                      "; with Ollama: ollama create NAME -f ", (target / "Modelfile").string()));
}

}  // namespace swift::cli
