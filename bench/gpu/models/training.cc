#include <algorithm>
#include <fstream>

#include "config/task.h"
#include "model/placement.h"
#include "models.h"
#include "train/parameters.h"
#include "train/trainer.h"

namespace swift::gpu_bench {
namespace {

std::vector<data::Sample> samples_of(const TrainingCase& training) {
  const int64_t count = training.batch * training.accumulation * training.steps;
  std::vector<data::Sample> samples(static_cast<size_t>(count));
  for (size_t i = 0; i < samples.size(); ++i) {
    for (int64_t t = 0; t < training.packing_length; ++t)
      samples[i].input_ids.push_back(static_cast<int32_t>((t * 31 + static_cast<int64_t>(i) * 97) %
                                                          std::min<int64_t>(training.size.vocab, 30000)));
    samples[i].labels = samples[i].input_ids;
  }
  return samples;
}

config::Task task_of(const TrainingCase& training) {
  config::Task task;
  task.tuner_type = "lora";
  task.lora_rank = 16;
  task.lora_alpha = 32;
  task.lora_dropout = 0.05;
  task.packing = true;
  task.packing_length = training.packing_length;
  task.per_device_train_batch_size = training.batch;
  task.gradient_accumulation_steps = training.accumulation;
  task.gradient_checkpointing = false;
  task.max_steps = training.steps;
  task.logging_steps = 1;
  task.save_strategy = "no";
  task.report_to.clear();
  return task;
}

// Of each step, from the log of the run.
std::vector<double> step_rates(const std::filesystem::path& run) {
  std::vector<double> rates;
  std::ifstream log(run / "logging.jsonl");
  for (std::string text; std::getline(log, text);) {
    const base::Json line = base::parse_json(text, "logging.jsonl");
    if (line.contains("tokens_per_second") && line.contains("loss"))
      rates.push_back(line.at("tokens_per_second").get<double>());
  }
  return rates;
}

// Of an optimizer step: forward and the inputs' gradients, 2 each for a weight and a token; frozen weights
// need no more.
double flops_of(const TrainingCase& training) {
  const ModelSize& size = training.size;
  const auto q = static_cast<double>(size.heads * size.head_dim),
             kv = static_cast<double>(size.kv_heads * size.head_dim);
  const auto hidden = static_cast<double>(size.hidden);
  const double weights = static_cast<double>(size.layers) * hidden *
                             (2 * q + 2 * kv + 3 * static_cast<double>(size.intermediate)) +
                         hidden * static_cast<double>(size.vocab);
  return 4 * weights * static_cast<double>(training.packing_length * training.batch * training.accumulation);
}

}  // namespace

Row measure_training(const TrainingCase& training, at::Device device) {
  const auto tokens = static_cast<double>(training.packing_length * training.batch * training.accumulation);
  Row row{.kernel = "LoRA training",
          .what = std::string(training.size.name) + " bf16, rank 16, packed " +
                  std::to_string(training.packing_length) + ", " + std::to_string(training.batch) + " x " +
                  std::to_string(training.accumulation),
          .flops = flops_of(training),
          .tokens = tokens,
          .targets = {{Measure::tokens_rate, training.target}}};
  const TemporaryFolder run;
  const auto samples = samples_of(training);
  config::Task task = task_of(training);
  model::Decoder decoder = random_model(training.size, device);
  const model::LoraSettings adapter = train::lora_settings(task);
  model::attach_lora(decoder, adapter, 3);
  model::move_to(decoder, device);
  train::Trainer trainer(task, decoder, adapter, std::span(samples), {}, run.path());
  trainer.run();
  std::vector<double> rates = step_rates(run.path());
  if (rates.size() < 2) return row;
  // The first micro-batches are computed piece by piece, and then recorded.
  rates.erase(rates.begin(), rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2));
  std::nth_element(rates.begin(), rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2), rates.end());
  row.seconds = tokens / rates[rates.size() / 2];
  return row;
}

}  // namespace swift::gpu_bench
