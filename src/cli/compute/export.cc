#include <filesystem>

#include "base/file.h"
#include "base/log.h"
#include "cli/compute/verbs.h"
#include "model/adapter.h"
#include "model/load.h"

namespace swift::cli {
namespace fs = std::filesystem;

int export_model(const config::Task& task) {
  if (task.adapters.empty())
    throw base::Error(base::ExitCode::usage, "export --merge_lora needs --adapters DIR");
  fs::path adapter = task.adapters.front();
  if (adapter.filename().empty()) adapter = adapter.parent_path();
  const fs::path target =
      task.is_set("output_dir") ? fs::path(task.output_dir) : fs::path(adapter.string() + "-merged");
  if (fs::exists(target) && !fs::is_empty(target) && !task.exist_ok) {
    throw base::Error(base::ExitCode::usage, "the target directory exists", {target.string()},
                      "set exist_ok: true to replace it, or choose another output_dir");
  }
  model::Decoder decoder = model::load_decoder(task.model, model::parse_dtype(task.torch_dtype));
  const model::LoraSettings settings = model::load_adapter(decoder, adapter);
  model::merge_adapter(decoder);
  // A head trained on its own is no longer the embedding.
  if (!settings.modules_to_save.empty())
    decoder.spec.tied_embeddings = decoder.lm_head.is_same(decoder.embed_tokens);
  base::AtomicDirectory directory(target);
  model::save_model(decoder, task.model, directory.path());
  directory.commit();
  base::log::info("merged model: " + target.string());
  return 0;
}

}  // namespace swift::cli
