#include "quant/export.h"

#include <chrono>

#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "model/adapter.h"
#include "model/load.h"
#include "quant/block_file.h"

namespace swift::quant {
namespace {

namespace fs = std::filesystem;
using base::cat;
using base::Json;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Json to_json(const LinearReport& report) {
  Json json = {{"name", report.name},
               {"bits", report.grid.bits},
               {"group_size", report.grid.group},
               {"error", report.error}};
  if (report.tokens > 0 || report.starved) json["calibration_tokens"] = report.tokens;
  if (report.starved) json["rounded_to_nearest"] = true;
  return json;
}

LinearReport linear_report(const Json& json) {
  LinearReport report;
  report.name = json.at("name").get<std::string>();
  report.grid.bits = json.at("bits").get<int64_t>();
  report.grid.group = json.at("group_size").get<int64_t>();
  report.error = json.at("error").get<double>();
  report.tokens = json.value("calibration_tokens", int64_t{0});
  report.starved = json.value("rounded_to_nearest", false);
  return report;
}

// The directory of finished blocks, with state.json: whose work it is and how far it came.
class Work {
 public:
  Work(const fs::path& directory, const std::string& identity) : directory_(directory), identity_(identity) {
    const fs::path state = directory_ / "state.json";
    if (fs::exists(state)) {
      const Json found = base::read_json(state, base::ExitCode::failure);
      if (found.is_object() && found.value("identity", "") == identity_) {
        reports_ = found.at("linears");
        done_ = found.at("blocks").get<int64_t>();
        base::log::info(cat("going on with an interrupted run: ", done_, " blocks are finished"));
        return;
      }
      base::log::warn("an interrupted run with another model, data or settings is dropped: " +
                      directory_.string());
    }
    fs::remove_all(directory_);
    base::ensure_writable_directory(directory_);
  }

  int64_t done() const { return done_; }
  fs::path file(int64_t block) const { return directory_ / cat("block-", block, ".safetensors"); }

  void keep(const BlockJob& job) {
    const fs::path part = directory_ / "part";
    model::save_safetensors(part, block_tensors(job));
    fs::rename(part, file(job.index));
    for (const LinearReport& report : job.reports) reports_.push_back(to_json(report));
    done_ = job.index + 1;
    const Json state = {{"identity", identity_}, {"blocks", done_}, {"linears", reports_}};
    base::write_file_atomic(directory_ / "state.json", state.dump());
  }
  std::vector<LinearReport> reports() const {
    std::vector<LinearReport> found;
    for (const Json& json : reports_) found.push_back(linear_report(json));
    return found;
  }

 private:
  fs::path directory_;
  std::string identity_;
  int64_t done_ = 0;
  Json reports_ = Json::array();
};

void quantize_block(BlockJob& job, Calibration& data) {
  switch (job.settings.method) {
    case Method::rtn:
      return quantize_nearest(job);
    case Method::fp8:
      return quantize_fp8(job);
    case Method::gptq:
      return quantize_gptq(job, data);
    case Method::awq:
      return quantize_awq(job, data);
  }
}

// A block that an earlier run finished, and what it does to the calibration data.
void take_finished(ExportJob& job, const Work& work, int64_t index) {
  const bool moves = job.settings.calibrates();
  // AWQ's inputs are those of the whole model, GPTQ's those of the quantized one.
  if (moves && job.settings.method == Method::awq)
    run_block(job.decoder, index, job.calibration, job.settings.batch);
  read_block(job.decoder, index, model::TensorFiles::from_file(work.file(index)), job.settings.form);
  if (moves && job.settings.method == Method::gptq)
    run_block(job.decoder, index, job.calibration, job.settings.batch);
}

// The block's weights in the model's type, with the adapter merged into them.
void take_block(ExportJob& job, int64_t index) {
  model::Block& block = job.decoder.blocks[static_cast<size_t>(index)];
  const at::ScalarType type = job.decoder.dtype();
  for (at::Tensor* tensor :
       {&block.input_norm, &block.post_attention_norm, &block.router, &block.q_norm, &block.k_norm}) {
    if (tensor->defined()) *tensor = tensor->to(type);
  }
  for (model::LinearLayer* linear : block.linears()) {
    if (job.files) linear->weight = model::find_weight(*job.files, linear->name + ".weight");
    linear->weight = linear->weight.to(type);
    if (linear->bias.defined()) linear->bias = linear->bias.to(type);
    model::merge_linear(*linear);
  }
}

// Gives the block's memory back; shapes stay.
void forget_block(ExportJob& job, int64_t index) {
  for (model::LinearLayer* linear : job.decoder.blocks[static_cast<size_t>(index)].linears()) {
    linear->weight = at::empty({1}, linear->weight.options()).expand(linear->weight.sizes());
    if (job.files) job.files->release(linear->name + ".weight");
  }
}

// A module whose settings do not fit it is refused before hours of work.
void check_modules(model::Decoder& decoder, const Settings& settings) {
  bool any = false;
  for (const model::LinearLayer* linear : decoder.linears())
    any = grid_settings(settings, linear->name, linear->weight.sizes()).has_value() || any;
  if (!any)
    throw base::Error(base::ExitCode::usage,
                      "modules_to_not_convert and quant_dynamic leave nothing to quantize");
}

void write_model(ExportJob& job, const Work& work, const fs::path& target, ExportReport& report) {
  std::vector<model::LazyTensor> tensors;
  const auto append = [&](const std::string& name, const at::Tensor& t) {
    tensors.push_back({name, t.scalar_type(), t.sizes().vec(), [t] { return t; }});
    report.bytes_after += tensors.back().bytes();
  };
  append("model.embed_tokens.weight", job.decoder.embed_tokens);
  for (int64_t i = 0; i < job.decoder.spec.layers; ++i) {
    const auto files = model::TensorFiles::from_file(work.file(i));
    for (const std::string& name : files.names()) append(name, files.get(name));
  }
  append("model.norm.weight", job.decoder.norm);
  if (!job.decoder.spec.tied_embeddings) append("lm_head.weight", job.decoder.lm_head);
  model::write_weights(std::move(tensors), target);
  Json config = model::HfConfig::read(job.source).json();
  config.erase("torch_dtype");
  config["dtype"] = model::dtype_name(job.decoder.dtype());
  config["tie_word_embeddings"] = job.decoder.spec.tied_embeddings;
  config["vocab_size"] = job.decoder.embed_tokens.size(0);
  config["quantization_config"] = quantization_config(job.settings);
  base::write_file_atomic(target / "config.json", config.dump(2) + "\n");
  if (job.settings.form.kind == model::PackedForm::Kind::gptq)
    base::write_file_atomic(target / "quantize_config.json", config["quantization_config"].dump(2) + "\n");
  model::copy_text_files(job.text, target);
}

}  // namespace

Json to_json(const ExportReport& report, const Settings& settings) {
  Json linears = Json::array();
  for (const LinearReport& linear : report.linears) linears.push_back(to_json(linear));
  Json json = {{"quantization_config", quantization_config(settings)},
               {"size", {{"before", report.bytes_before}, {"after", report.bytes_after}}},
               {"seconds", report.seconds},
               {"linears", linears}};
  if (!report.losses_before.empty()) {
    json["perplexity"] = {{"before", perplexity(report.losses_before)},
                          {"after", perplexity(report.losses_after)},
                          {"ratio_standard_error", paired_error(report.losses_before, report.losses_after)},
                          {"data", report.held_out ? "held out" : "calibration"},
                          {"losses_before", report.losses_before},
                          {"losses_after", report.losses_after}};
  }
  return json;
}

ExportReport export_quantized(ExportJob& job, const fs::path& target) {
  const at::NoGradGuard no_grad;
  const auto start = Clock::now();
  model::Decoder& decoder = job.decoder;
  check_modules(decoder, job.settings);
  ExportReport report;
  for (const auto& [name, tensor] : decoder.weights()) report.bytes_before += ops::bytes_of(tensor);
  Work work(job.work, job.identity);
  Calibration before = job.held_out, after = job.held_out;
  embed(decoder, before), embed(decoder, after), embed(decoder, job.calibration);
  const int64_t first = work.done(), layers = decoder.spec.layers;
  auto began = Clock::now();
  for (int64_t i = 0; i < layers; ++i) {
    take_block(job, i);
    run_block(decoder, i, before, job.settings.batch);
    if (i < first) {
      take_finished(job, work, i);
    } else {
      if (i == first) began = Clock::now();
      BlockJob block{decoder, i, job.settings};
      quantize_block(block, job.calibration);
      work.keep(block);
    }
    run_block(decoder, i, after, job.settings.batch);
    forget_block(job, i);
    if (job.progress && i >= first)
      job.progress(
          i + 1, layers,
          seconds_since(began) / static_cast<double>(i + 1 - first) * static_cast<double>(layers - i - 1));
  }
  report.linears = work.reports();
  if (before.count() > 0) {
    report.losses_before = sequence_losses(decoder, before);
    report.losses_after = sequence_losses(decoder, after);
  }
  write_model(job, work, target, report);
  report.seconds = seconds_since(start);
  return report;
}

}  // namespace swift::quant
