#include "cli/compute/quantize.h"

#include "base/file.h"
#include "base/format.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/signals.h"
#include "cli/compute/loading.h"
#include "config/serialize.h"
#include "model/vocabulary_adapter.h"
#include "quant/export.h"
#include "text/new_tokens.h"
#include "train/base_fingerprint.h"
#include "train/prepare.h"

namespace swift::cli {
namespace {

namespace fs = std::filesystem;
using base::cat;
using Kind = model::PackedForm::Kind;

constexpr int64_t kDefaultLength = 2048;  // of a calibration sequence
constexpr int64_t kFp8Block = 128;

quant::Settings settings_of(const config::Task& task) {
  quant::Settings settings;
  const std::string &method = *task.quant_method, &format = *task.quant_format;
  settings.method = method == "awq"    ? quant::Method::awq
                    : method == "gptq" ? quant::Method::gptq
                    : method == "fp8"  ? quant::Method::fp8
                                       : quant::Method::rtn;
  settings.form.kind = format == "awq"                  ? Kind::awq
                       : format == "compressed-tensors" ? Kind::compressed
                       : format == "fp8"                ? Kind::fp8
                                                        : Kind::gptq;
  settings.form.bits = *task.quant_bits;
  settings.form.group = settings.method == quant::Method::fp8 ? kFp8Block : task.group_size;
  settings.form.sym = *task.quant_sym;
  settings.form.v2 = format == "gptq_v2";
  settings.mse = task.quant_mse;
  settings.order = task.act_order == "none"    ? quant::ActOrder::none
                   : task.act_order == "group" ? quant::ActOrder::group
                                               : quant::ActOrder::fixed;
  settings.form.act_order =
      settings.method == quant::Method::gptq && settings.order == quant::ActOrder::group;
  settings.damp = task.damp_percent;
  settings.true_sequential = task.true_sequential;
  settings.duo_scaling = task.duo_scaling;
  settings.clip = task.awq_clip;
  settings.skipped = task.modules_to_not_convert;
  if (!task.quant_dynamic.empty())
    settings.dynamic = base::parse_json(task.quant_dynamic, "quant_dynamic", base::ExitCode::usage);
  settings.form.varies = !settings.dynamic.empty();
  settings.batch = task.quant_batch_size;
  return settings;
}

// Every row as one text, whatever its schema: a conversation as the template renders it.
data::Encoder calibration_encoder(const config::Task& task, const text::ModelText& text) {
  data::EncodeOptions options;
  options.pretrain = true;
  options.system = task.system;
  if (task.enable_thinking) options.template_variables["enable_thinking"] = *task.enable_thinking;
  options.use_chat_template = task.use_chat_template;
  options.eos_token_ids = text.eos_token_ids;
  options.bos_token_id = text.bos_token_id;
  return {text.tokenizer, text.chat_template, options};
}

using Sequences = std::vector<std::vector<int32_t>>;

Sequences tokens_of(const std::vector<data::Sample>& samples, const config::Task& task, bool shuffle) {
  Sequences found(samples.size());
  const auto count = static_cast<uint32_t>(samples.size());
  const auto order =
      base::permutation(count, base::Stream(static_cast<uint64_t>(task.data_seed), base::Purpose::shuffle));
  for (uint32_t i = 0; i < count; ++i) found[i] = samples[shuffle ? order[i] : i].input_ids;
  return found;
}

// Sequences for the perplexity: of the validation data, or else what follows the calibration sequences, or
// else those themselves. Returns whether calibration does not see them.
bool load_held_out(const config::Task& task, quant::ExportJob& job, const Sequences& validation,
                   const Sequences& train, int64_t length) {
  const int64_t wanted = *task.quant_eval_samples;
  if (wanted == 0) return true;
  Sequences& found = job.held_out.sequences;
  if (!validation.empty()) found = quant::cut_sequences(validation, length, wanted, 0);
  if (found.empty()) found = quant::cut_sequences(train, length, wanted, task.quant_n_samples);
  if (!found.empty()) return true;
  const auto& known = job.calibration.sequences;
  found.assign(known.begin(), known.begin() + std::min<int64_t>(wanted, job.calibration.count()));
  return false;
}

void load_calibration(const config::Task& task, quant::ExportJob& job, int64_t max_positions,
                      bool& held_out) {
  if (task.dataset.empty() && task.val_dataset.empty()) return;
  const text::ModelText text = load_text(task);
  const data::Encoder encoder = calibration_encoder(task, text);
  const int64_t length = task.max_length.value_or(std::min(kDefaultLength, max_positions));
  data::DatasetOptions options = train::dataset_options(task, text, encoder);
  options.bos_token_id.reset();
  if (options.train.empty()) options.train = std::move(options.validation), options.validation.clear();
  const data::Dataset dataset = data::load_dataset(options, encoder);
  // Held-out sequences are the same whatever the method.
  const Sequences train = tokens_of(dataset.train, task, task.dataset_shuffle && !task.dataset.empty());
  const int64_t wanted = job.settings.calibrates() ? task.quant_n_samples : 0;
  if (wanted > 0) {
    job.calibration.sequences = quant::cut_sequences(train, length, wanted, 0);
    const int64_t found = job.calibration.count();
    if (found < wanted)
      base::log::warn(cat("calibration: the dataset gives ", found, " sequences of ", length, " tokens, not ",
                          wanted, " (quant_n_samples)"));
    base::log::info(cat("calibration: ", found, " sequences of ", length, " tokens"));
  }
  held_out = load_held_out(
      task, job, dataset.validation.empty() ? Sequences() : tokens_of(dataset.validation, task, false), train,
      length);
}

// Embeddings, norm and head with the adapter merged, in the type that the model computes in.
void convert_ends(model::Decoder& decoder, std::optional<at::ScalarType> type) {
  model::merge_vocabulary(decoder);
  const at::ScalarType wanted = type.value_or(decoder.dtype());
  decoder.embed_tokens = decoder.embed_tokens.to(wanted);
  decoder.norm = decoder.norm.to(wanted);
  decoder.lm_head = decoder.spec.tied_embeddings ? decoder.embed_tokens : decoder.lm_head.to(wanted);
}

// What must be the same for an interrupted run to be gone on with.
std::string identity_of(const config::Task& task, const quant::ExportJob& job) {
  std::string text = train::base_fingerprint(task.model);
  for (const std::string& adapter : task.adapters)
    text += base::read_file(fs::path(adapter) / "adapter_model.safetensors");
  text += quant::quantization_config(job.settings).dump();
  text += cat(task.quant_method.value(), job.settings.mse, job.settings.duo_scaling, job.settings.clip,
              task.act_order, job.decoder.embed_tokens.size(0), model::dtype_name(job.decoder.dtype()));
  for (const auto* data : {&job.calibration, &job.held_out}) {
    for (const auto& sequence : data->sequences)
      text.append(reinterpret_cast<const char*>(sequence.data()), sequence.size() * sizeof(int32_t));
  }
  return base::fnv1a_hex(text);
}

// Published tables of GPTQ and AWQ models lose two to four points below two billion
// parameters with groups of 128.
void suggest_group(const config::Task& task, const model::Decoder& decoder) {
  constexpr int64_t kSmall = 2'000'000'000, kLargeGroup = 128;
  int64_t parameters = 0;
  for (const auto& [name, tensor] : decoder.weights()) parameters += tensor.numel();
  const bool wide = task.group_size == kLargeGroup || task.group_size == -1;
  if (parameters >= kSmall || !wide || *task.quant_bits > 4 || task.quant_method == "fp8") return;
  base::log::info("a model of this size loses less with group_size: 64 or 32");
}

void say(const quant::ExportReport& report, const fs::path& target) {
  constexpr double kMega = 1e6;
  if (!report.losses_before.empty()) {
    const double before = quant::perplexity(report.losses_before),
                 after = quant::perplexity(report.losses_after);
    base::log::info(cat("perplexity ", before, " before, ", after,
                        " after (standard error of the difference ",
                        after * quant::paired_error(report.losses_before, report.losses_after), ")",
                        report.held_out ? "" : " (of the calibration data: there is no other)"));
  }
  base::log::info(cat("size ", static_cast<double>(report.bytes_before) / kMega, " MB before, ",
                      static_cast<double>(report.bytes_after) / kMega, " MB after"));
  base::log::info("quantized model: " + target.string());
}

}  // namespace

void quantize_model(const config::Task& task, model::Decoder& decoder, const fs::path& text,
                    const fs::path& target) {
  for (const model::LinearLayer* linear : decoder.linears()) {
    if (!linear->quantized) continue;
    throw base::Error(base::ExitCode::usage, "the model is quantized already", {task.model},
                      "quantize the model that it was made from");
  }
  if (decoder.score.defined())
    throw base::Error(base::ExitCode::usage, "a reward model cannot be quantized", {task.model});
  suggest_group(task, decoder);
  base::install_stop_handlers();
  const fs::path whole = fs::absolute(target).lexically_normal();
  convert_ends(decoder, model::parse_dtype(task.torch_dtype));
  quant::ExportJob job{decoder, settings_of(task), model::TensorFiles::from_directory(task.model)};
  job.source = task.model;
  job.text = task.model;
  job.work = whole.parent_path() / ("." + whole.filename().string() + ".quantizing");
  bool held_out = true;
  load_calibration(task, job, decoder.spec.max_positions, held_out);
  job.identity = identity_of(task, job);
  job.progress = [](int64_t done, int64_t total, double left) {
    base::log::info(cat("block ", done, "/", total, ", ", base::human_seconds(left), " left"));
  };
  base::AtomicDirectory directory(whole);
  quant::ExportReport report = quant::export_quantized(job, directory.path());
  report.held_out = held_out;
  base::write_file_atomic(directory.path() / "quantization_report.json",
                          quant::to_json(report, job.settings).dump(2) + "\n");
  if (text != task.model || !task.new_special_tokens.empty())
    text::write_with_special_tokens(text, task.new_special_tokens, directory.path());
  directory.commit();
  fs::remove_all(job.work);
  say(report, target);
}

}  // namespace swift::cli
