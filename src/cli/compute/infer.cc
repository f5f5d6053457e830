#include <filesystem>
#include <iostream>

#include "cli/compute/device.h"
#include "cli/compute/loading.h"
#include "cli/compute/speculation.h"
#include "cli/compute/verbs.h"
#include "infer/decoder_model.h"
#include "infer/run.h"
#include "model/adapter.h"
#include "model/families.h"
#include "model/placement.h"

namespace swift::cli {

int infer(const config::Task& task) {
  model::read_spec(model::HfConfig::read(task.model));  // a wrong directory or architecture is said first
  const text::ModelText text = load_text(task);
  const at::Device device = compute_device(task);
  const model::ServingForm form = serving_form(task);
  model::Decoder decoder = load_base(task, text.tokenizer, form);
  if (task.adapters.size() > 1) throw base::Error(base::ExitCode::usage, "infer takes one adapter");
  if (!task.adapters.empty()) model::load_adapter(decoder, task.adapters.front());
  model::move_to(decoder, device);
  infer::DecoderModel model(std::move(decoder), {.graphs = task.cuda_graphs}, nullptr, form);
  Speculation speculation = load_speculation(task, text.tokenizer, model, device);
  const auto& chat_template = task.use_chat_template ? text.chat_template : std::nullopt;
  return infer::run_infer(task, model, text.tokenizer, chat_template, text.generation_config, std::cin,
                          std::cout, std::cerr, text.bos_token_id, std::move(speculation.drafter));
}

}  // namespace swift::cli
