#include <filesystem>

#include "base/file.h"
#include "base/log.h"
#include "cli/compute/gguf.h"
#include "cli/compute/loading.h"
#include "cli/compute/quantize.h"
#include "cli/compute/verbs.h"
#include "config/quantization.h"
#include "model/adapter.h"
#include "text/new_tokens.h"

namespace swift::cli {
namespace fs = std::filesystem;

namespace {

// Whether `inner` is `outer` or lies below it.
bool within(const fs::path& inner, const fs::path& outer) {
  const fs::path way = fs::weakly_canonical(inner).lexically_relative(fs::weakly_canonical(outer));
  return !way.empty() && *way.begin() != "..";
}

fs::path without_slash(const fs::path& directory) {
  return directory.filename().empty() ? directory.parent_path() : directory;
}

// Replacing a directory removes all that is in it.
void check_target(const fs::path& target, const config::Task& task) {
  if (!fs::exists(target)) return;
  std::vector<std::string> sources = task.adapters;
  sources.push_back(task.model);
  for (const std::string& source : sources) {
    if (within(without_slash(source), target)) {
      throw base::Error(base::ExitCode::usage, "the target directory holds what is to be exported",
                        {target.string()}, "choose another output_dir");
    }
  }
  if (fs::is_directory(target) && (fs::is_empty(target) || task.exist_ok)) return;
  throw base::Error(base::ExitCode::usage, "the target directory exists", {target.string()},
                    "set exist_ok: true to replace it, or choose another output_dir");
}

// The task's model with its vocabulary and adapters, all weights whole. Quantization converts and merges one
// block after another: then the weights stay mapped, with the adapter beside them.
model::Decoder merged_model(const config::Task& task, const fs::path& tokenizer) {
  const bool by_block = config::quantizes(task);
  model::Decoder decoder = model::load_decoder(
      task.model, by_block ? std::nullopt : model::parse_dtype(task.torch_dtype), base_quantization(task));
  if (!task.new_special_tokens.empty())
    fit_vocabulary(task, text::Tokenizer::load(tokenizer, task.new_special_tokens), decoder);
  if (task.adapters.empty()) return decoder;
  model::load_adapter(decoder, without_slash(task.adapters.front()));
  if (!by_block) model::merge_adapter(decoder);
  return decoder;
}

fs::path target_of(const config::Task& task) {
  if (task.is_set("output_dir")) return task.output_dir;
  const fs::path source = without_slash(task.adapters.empty() ? task.model : task.adapters.front());
  if (config::writes_gguf(task)) return source.string() + "-gguf-" + task.gguf_type;
  if (!config::quantizes(task)) return source.string() + "-merged";
  const std::string& method = *task.quant_method;
  return source.string() + "-" + method + (method == "fp8" ? "" : "-int" + std::to_string(*task.quant_bits));
}

}  // namespace

int export_model(const config::Task& task) {
  const bool quantizes = config::quantizes(task), gguf = config::writes_gguf(task);
  if (task.adapters.empty() && !quantizes && !gguf)
    throw base::Error(base::ExitCode::usage, "export --merge_lora needs --adapters DIR");
  const fs::path target = target_of(task);
  check_target(target, task);
  if (gguf) check_gguf(task);
  const fs::path tokenizer = tokenizer_directory(task);
  model::Decoder decoder = merged_model(task, tokenizer);
  if (gguf) {
    export_gguf(task, decoder, target);
    return 0;
  }
  if (quantizes) {
    quantize_model(task, decoder, tokenizer, target);
    return 0;
  }
  base::AtomicDirectory directory(target);
  model::save_model(decoder, task.model, directory.path());
  if (tokenizer != task.model || !task.new_special_tokens.empty())
    text::write_with_special_tokens(tokenizer, task.new_special_tokens, directory.path());
  directory.commit();
  if (base_quantization(task) || model::HfConfig::read(task.model).has("quantization_config"))
    base::log::info("merged onto the quantized weights, unpacked: what the adapter was trained on");
  base::log::info("merged model: " + target.string());
  return 0;
}

}  // namespace swift::cli
