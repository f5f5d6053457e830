#include <omp.h>

#include <filesystem>

#include "base/format.h"
#include "base/log.h"
#include "base/mapped_watch.h"
#include "base/signals.h"
#include "cli/compute/device.h"
#include "cli/compute/loading.h"
#include "cli/compute/speculation.h"
#include "cli/compute/verbs.h"
#include "infer/decoder_model.h"
#include "infer/engine_service.h"
#include "infer/server/constraint_compiler.h"
#include "infer/server/server.h"
#include "infer/server/task_options.h"
#include "infer/settings.h"
#include "model/adapter.h"
#include "model/families.h"
#include "model/placement.h"

namespace swift::cli {
namespace {

ops::KvKind kv_kind(const std::string& name) {
  if (name == "bfloat16") return ops::KvKind::bfloat16;
  if (name == "float16") return ops::KvKind::float16;
  return name == "int8" ? ops::KvKind::int8 : ops::KvKind::model;
}

infer::CacheOptions cache_options(const config::Task& task) {
  constexpr double kGib = 1024.0 * 1024.0 * 1024.0;
  return {.kind = kv_kind(task.kv_cache_dtype),
          .bytes = static_cast<int64_t>(task.kv_cache_memory.value_or(0) * kGib),
          .graphs = task.cuda_graphs};
}

// `name=directory` is served under its name; a bare directory is the model's own adapter.
std::vector<infer::Adapter> named_adapters(const config::Task& task) {
  std::vector<infer::Adapter> named;
  for (const std::string& given : task.adapters) {
    const size_t equals = given.find('=');
    if (equals != std::string::npos) named.push_back({given.substr(0, equals), given.substr(equals + 1)});
  }
  return named;
}

model::Decoder load_model(const config::Task& task, const text::Tokenizer& tokenizer,
                          const model::ServingForm& form, at::Device device) {
  model::Decoder decoder = load_base(task, tokenizer, form);
  std::vector<std::string> own;
  for (const std::string& given : task.adapters) {
    if (given.find('=') == std::string::npos) own.push_back(given);
  }
  if (own.size() > 1) {
    throw base::Error(base::ExitCode::usage, "adapters: only one directory can be the model's own", {},
                      "give the others names: --adapters support=DIR sales=DIR");
  }
  if (!own.empty()) model::load_adapter(decoder, own.front());
  model::move_to(decoder, device);
  return decoder;
}

// Of the weights' files, which stay mapped.
std::shared_ptr<base::MappedWatch> watch(const std::string& model) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(model)) {
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  }
  return std::make_shared<base::MappedWatch>(files);
}

infer::EngineOptions engine_options(const config::Task& task, const infer::Settings& settings,
                                    const infer::PromptBuilder& prompts) {
  infer::EngineOptions options{.eos_token_ids = settings.eos_token_ids,
                               .scheduler = {.max_num_seqs = task.max_num_seqs,
                                             .max_num_batched_tokens = task.max_num_batched_tokens,
                                             .policy = infer::Policy::priority,
                                             .prefix_caching = task.enable_prefix_caching}};
  for (const int32_t id : prompts.end_of_turn_ids()) options.eos_token_ids.push_back(id);
  options.speculation.tokens = task.speculative_tokens.value_or(0);
  return options;
}

}  // namespace

int deploy(const config::Task& task) {
  base::install_stop_handlers();
  model::read_spec(model::HfConfig::read(task.model));  // a wrong directory or architecture is said first
  const text::ModelText text = load_text(task);
  const auto& chat_template = task.use_chat_template ? text.chat_template : std::nullopt;
  infer::PromptOptions prompt_options{.system = infer::system_text(task), .bos_token_id = text.bos_token_id};
  if (task.enable_thinking) prompt_options.variables["enable_thinking"] = *task.enable_thinking;
  const infer::PromptBuilder prompts(text.tokenizer, chat_template, std::move(prompt_options));
  const infer::Settings settings = infer::resolve_settings(task, text.generation_config);
  infer::server::ServerOptions options = infer::server::options_of(task);
  const auto files = watch(task.model);
  options.version = SWIFT_VERSION;
  options.fault = [files] { return files->fault(); };
  options.sampling = settings.sampling;
  // Without a limit of its own an answer may fill the context, as clients of this API expect.
  options.sampling.max_new_tokens = task.max_new_tokens;
  if (task.is_set("seed")) options.seed = static_cast<uint64_t>(task.seed);
  options.compile_grammar = infer::server::grammar_compiler(text.tokenizer);
  const model::ServingForm form = serving_form(task);
  const at::Device device = compute_device(task);
  infer::DecoderModel model(load_model(task, text.tokenizer, form, device), cache_options(task), files, form);
  Speculation speculation = load_speculation(task, text.tokenizer, model, device);
  // The engine's thread gets threads of its own. Those that loaded the weights must be gone by then: with
  // more threads than cores OpenMP's sleep at once when they wait, which made a step a tenth slower.
  omp_pause_resource_all(omp_pause_soft);
  infer::EngineService service(model, text.tokenizer, engine_options(task, settings, prompts),
                               {.max_waiting = task.max_queue}, std::move(speculation.drafter));
  for (const infer::Adapter& adapter : named_adapters(task)) service.load_adapter(adapter);
  return infer::server::serve(
      std::move(options), service, text.tokenizer, prompts, chat_template, [&](uint16_t port) {
        base::log::info(base::cat("serving ", task.model, " on http://", task.host, ":", port, "/v1"));
      });
}

}  // namespace swift::cli
