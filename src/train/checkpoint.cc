#include "train/checkpoint.h"

#include "base/file.h"
#include "base/format.h"
#include "config/serialize.h"
#include "model/load.h"
#include "ops/tensor_memory.h"
#include "text/new_tokens.h"

namespace swift::train {
namespace fs = std::filesystem;
using base::Json;
namespace {

Json to_json(const TrainerState& state) {
  return {{"step", state.step},
          {"epoch", state.cursor.epoch},
          {"position", state.cursor.position},
          {"part", state.cursor.part},
          {"taken", state.cursor.taken},
          {"channels_since_log", state.channels_since_log.to_json()},
          {"objective", state.objective},
          {"loss_since_log", state.loss_since_log},
          {"steps_since_log", state.steps_since_log},
          {"tokens_since_log", state.tokens_since_log},
          {"seconds_since_log", state.seconds_since_log},
          {"elapsed_seconds", state.elapsed_seconds},
          {"tokens_seen", state.tokens_seen},
          {"evaluated_step", state.evaluated_step},
          {"stale_evaluations", state.stale_evaluations},
          {"best_metric", state.best_metric ? Json(*state.best_metric) : Json(nullptr)},
          {"best_checkpoint", state.best_checkpoint},
          {"best_checkpoint_metric",
           state.best_checkpoint_metric ? Json(*state.best_checkpoint_metric) : Json(nullptr)},
          {"fingerprint", state.fingerprint}};
}

TrainerState from_json(const Json& json, const fs::path& file) {
  try {
    TrainerState state;
    state.step = json.at("step").get<int64_t>();
    state.cursor = {json.at("epoch").get<int64_t>(), json.at("position").get<int64_t>(),
                    json.value("part", int64_t{0}), json.value("taken", int64_t{0})};
    state.channels_since_log = ChannelLoss::from_json(json.value("channels_since_log", Json::object()));
    state.objective = json.value("objective", Json());
    state.loss_since_log = json.at("loss_since_log").get<double>();
    state.steps_since_log = json.at("steps_since_log").get<int64_t>();
    state.tokens_since_log = json.at("tokens_since_log").get<int64_t>();
    state.seconds_since_log = json.at("seconds_since_log").get<double>();
    state.elapsed_seconds = json.at("elapsed_seconds").get<double>();
    state.tokens_seen = json.at("tokens_seen").get<int64_t>();
    state.evaluated_step = json.value("evaluated_step", state.step);
    state.stale_evaluations = json.value("stale_evaluations", int64_t{0});
    if (!json.at("best_metric").is_null()) state.best_metric = json.at("best_metric").get<double>();
    state.best_checkpoint = json.at("best_checkpoint").get<std::string>();
    if (const Json metric = json.value("best_checkpoint_metric", Json()); !metric.is_null())
      state.best_checkpoint_metric = metric.get<double>();
    state.fingerprint = json.at("fingerprint");
    return state;
  } catch (const Json::exception& fault) {
    throw base::Error(base::ExitCode::model, base::cat("the checkpoint's state is malformed: ", fault.what()),
                      {file.string()});
  }
}

// What differs, each as "key was …, now it is …".
std::string changes_between(const Json& before, const Json& now) {
  std::string changes;
  for (const auto& [key, value] : now.items()) {
    if (!before.contains(key) || before.at(key) == value) continue;
    changes += base::cat(changes.empty() ? "" : "; ", key, " was ", before.at(key).dump(), ", now it is ",
                         value.dump());
  }
  return changes;
}

}  // namespace

fs::path save_checkpoint(const fs::path& run, const config::Task& task, model::Decoder& decoder,
                         const model::LoraSettings* adapter, const Optimizer& optimizer,
                         const TrainerState& state, const std::function<void(const fs::path&)>& more) {
  ops::return_free_memory();  // what is written is mapped and read again
  base::AtomicDirectory directory(run / base::cat("checkpoint-", state.step));
  if (adapter != nullptr) {
    model::save_adapter(decoder, *adapter, task.model, directory.path());
  } else {
    model::save_model(decoder, task.model, directory.path());
  }
  if (!task.new_special_tokens.empty())
    text::write_with_special_tokens(task.model, task.new_special_tokens, directory.path());
  base::write_file_atomic(directory.path() / "args.json", config::to_json(task).dump(2) + "\n");
  if (!task.save_only_model) {
    model::save_safetensors(directory.path() / "optimizer.safetensors", optimizer.state());
    base::write_file_atomic(directory.path() / "trainer_state.json", to_json(state).dump(2) + "\n");
    if (more) more(directory.path());
  }
  directory.commit();
  return run / base::cat("checkpoint-", state.step);
}

TrainerState load_state(const fs::path& checkpoint, const Json& fingerprint, Optimizer& optimizer) {
  const fs::path file = checkpoint / "trainer_state.json";
  const TrainerState state = from_json(base::read_json(file, base::ExitCode::model), file);
  const std::string changes = changes_between(state.fingerprint, fingerprint);
  if (!changes.empty()) {
    throw base::Error(base::ExitCode::usage, "cannot resume: " + changes, {file.string()},
                      "resume with the model, settings and data of the run, or start a new one");
  }
  optimizer.load_state(model::TensorFiles::from_file(checkpoint / "optimizer.safetensors"));
  return state;
}

}  // namespace swift::train
