#include <filesystem>

#include "base/file.h"
#include "base/log.h"
#include "cli/compute/loading.h"
#include "cli/compute/verbs.h"
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

// Replacing a directory removes all that is in it.
void check_target(const fs::path& target, const fs::path& adapter, const config::Task& task) {
  if (!fs::exists(target)) return;
  for (const fs::path& source : {adapter, fs::path(task.model)}) {
    if (within(source, target)) {
      throw base::Error(base::ExitCode::usage, "the target directory holds what is to be exported",
                        {target.string()}, "choose another output_dir");
    }
  }
  if (fs::is_directory(target) && (fs::is_empty(target) || task.exist_ok)) return;
  throw base::Error(base::ExitCode::usage, "the target directory exists", {target.string()},
                    "set exist_ok: true to replace it, or choose another output_dir");
}

}  // namespace

int export_model(const config::Task& task) {
  if (task.adapters.empty())
    throw base::Error(base::ExitCode::usage, "export --merge_lora needs --adapters DIR");
  fs::path adapter = task.adapters.front();
  if (adapter.filename().empty()) adapter = adapter.parent_path();
  const fs::path target =
      task.is_set("output_dir") ? fs::path(task.output_dir) : fs::path(adapter.string() + "-merged");
  check_target(target, adapter, task);
  const fs::path tokenizer = tokenizer_directory(task);
  model::Decoder decoder =
      model::load_decoder(task.model, model::parse_dtype(task.torch_dtype), base_quantization(task));
  if (!task.new_special_tokens.empty())
    fit_vocabulary(task, text::Tokenizer::load(tokenizer, task.new_special_tokens), decoder);
  model::load_adapter(decoder, adapter);
  model::merge_adapter(decoder);
  base::AtomicDirectory directory(target);
  model::save_model(decoder, task.model, directory.path());
  if (tokenizer != task.model || !task.new_special_tokens.empty())
    text::write_with_special_tokens(tokenizer, task.new_special_tokens, directory.path());
  directory.commit();
  if (base_quantization(task))
    base::log::info("merged onto the quantized weights, unpacked: what the adapter was trained on");
  base::log::info("merged model: " + target.string());
  return 0;
}

}  // namespace swift::cli
