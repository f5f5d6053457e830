#include "train/prepare.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "base/log.h"
#include "data/content_key.h"
#include "data/dataset_spec.h"
#include "train/stream_batches.h"

namespace swift::train {

data::Encoder make_encoder(const config::Task& task, const text::ModelText& text, int64_t max_positions) {
  data::EncodeOptions options;
  options.pretrain = task.method == "pt";
  options.loss_scale = task.loss_scale;
  options.system = task.system;
  if (task.enable_thinking) options.template_variables["enable_thinking"] = *task.enable_thinking;
  options.max_length = task.max_length.value_or(max_positions);
  options.truncation_strategy = task.truncation_strategy;
  options.use_chat_template = task.use_chat_template && !options.pretrain;
  options.eos_token_ids = text.eos_token_ids;
  options.bos_token_id = text.bos_token_id;
  return {text.tokenizer, text.chat_template, options};
}

namespace {

// Two of these at the start are refused, whether the tokenizer or the template writes them.
std::optional<int32_t> bos_of(const config::Task& task, const text::ModelText& text) {
  const base::Json special = text::special_tokens(task.model);
  if (!special.contains("bos_token")) return std::nullopt;
  return text.tokenizer.id_of(special.at("bos_token").get<std::string>());
}

std::string text_key(const config::Task& task, const data::Encoder& encoder) {
  data::ContentHash hash;
  hash.update(data::encoding_key(task.model, task.chat_template, encoder.options()));
  for (const std::string& token : task.new_special_tokens) hash.update(token);
  return hash.hex();
}

data::LoadOptions load_options(const config::Task& task) {
  data::LoadOptions load;
  load.strict = task.strict;
  load.shuffle = task.dataset_shuffle;
  load.seed = static_cast<uint64_t>(task.data_seed);
  if (!task.columns.empty())
    load.schema.columns = base::parse_json(task.columns, "columns", base::ExitCode::usage);
  return load;
}

}  // namespace

data::DatasetOptions dataset_options(const config::Task& task, const text::ModelText& text,
                                     const data::Encoder& encoder) {
  data::DatasetOptions options;
  options.train = task.dataset;
  options.validation = task.val_dataset;
  options.split_ratio = task.split_dataset_ratio;
  options.load = load_options(task);
  options.shuffle_validation = task.val_dataset_shuffle;
  options.bos_token_id = bos_of(task, text);
  options.workers =
      static_cast<unsigned>(std::max<int64_t>(task.dataset_num_proc, std::thread::hardware_concurrency()));
  if (task.load_from_cache_file && task.cache_dir) {
    options.cache = *task.cache_dir;
    options.encoding_key = text_key(task, encoder);
  }
  return options;
}

void show_sample(const std::string& title, const data::Sample& sample, const text::ModelText& text) {
  const bool colour = isatty(STDERR_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  base::log::info(title + ":\n" + data::coloured_dump(sample, text.tokenizer, colour));
}

namespace {

constexpr const char* kFirstSample = "the first training sample, trained text marked";

data::StreamOptions stream_options(const config::Task& task, const text::ModelText& text,
                                   const data::Encoder& encoder, const BatchSettings& settings) {
  data::StreamOptions options;
  options.datasets = task.dataset;
  const data::LoadOptions load = load_options(task);
  options.schema = load.schema;
  options.schema.pretrain = encoder.options().pretrain;
  options.strict = load.strict;
  options.shuffle = load.shuffle;
  options.seed = load.seed;
  options.shuffle_buffer = static_cast<size_t>(task.shuffle_buffer_size);
  const int64_t workers = std::max<int64_t>({1, task.dataset_num_proc, task.dataloader_num_workers});
  const int64_t step = settings.batch_size * settings.accumulation;
  options.workers = static_cast<unsigned>(workers);
  options.ahead = static_cast<size_t>(std::clamp<int64_t>(
      workers * task.dataloader_prefetch_factor * std::min<int64_t>(step, 4096), 64, 4096));
  options.inspect = data::inspect_options(encoder, bos_of(task, text));
  return options;
}

// What must be the same for a run over a stream to be resumed: files, encoding and order.
base::Json stream_contents(const config::Task& task, const data::Encoder& encoder) {
  base::Json files = base::Json::array();
  for (const std::string& text : task.dataset) {
    const data::DatasetSpec spec = data::parse_dataset_spec(text);
    files.push_back({data::dataset_outline_key(spec.path), spec.rows.value_or(0)});
  }
  return {{"streaming", true},
          {"dataset contents", files},
          {"encoding", text_key(task, encoder)},
          {"columns", task.columns},
          {"shuffle_buffer_size", task.dataset_shuffle ? task.shuffle_buffer_size : 0}};
}

data::Dataset validation_only(const config::Task& task, const text::ModelText& text,
                              const data::Encoder& encoder) {
  data::Dataset dataset;
  if (task.val_dataset.empty()) return dataset;
  data::DatasetOptions options = dataset_options(task, text, encoder);
  options.train = options.validation;
  options.validation.clear();
  options.split_ratio = 0;
  options.load.shuffle = options.shuffle_validation;
  data::Dataset loaded = data::load_dataset(options, encoder);
  dataset.validation = std::move(loaded.train);
  dataset.validation_report = loaded.train_report;
  base::log::info("validation data: " + dataset.validation_report.summary());
  return dataset;
}

data::Sample first_sample(data::StreamOptions options, const data::Encoder& encoder) {
  options.shuffle = false;
  data::SampleStream stream(std::move(options), encoder);
  for (;;) {
    data::StreamedRecord record = stream.next();
    if (!record.samples.empty()) return std::move(record.samples.front());
  }
}

}  // namespace

data::Dataset prepare_dataset(const config::Task& task, const text::ModelText& text,
                              const data::Encoder& encoder) {
  data::Dataset dataset = data::load_dataset(dataset_options(task, text, encoder), encoder);
  show_sample(kFirstSample, dataset.train.front(), text);
  base::log::info("training data: " + dataset.train_report.summary());
  if (!dataset.validation.empty()) base::log::info("validation data: " + dataset.validation_report.summary());
  return dataset;
}

TrainingData prepare_data(const config::Task& task, const text::ModelText& text, const data::Encoder& encoder,
                          int64_t max_positions) {
  const BatchSettings settings = batch_settings(task, max_positions);
  TrainingData data;
  if (!task.streaming) {
    data.dataset = prepare_dataset(task, text, encoder);
    data.steps = std::make_unique<Batches>(data.dataset.train, settings);
    return data;
  }
  const data::StreamOptions options = stream_options(task, text, encoder, settings);
  show_sample(kFirstSample, first_sample(options, encoder), text);
  base::log::info("training data is streamed, encoded by " + std::to_string(options.workers) + " threads");
  data.dataset = validation_only(task, text, encoder);
  data.steps = std::make_unique<StreamBatches>(options, encoder, settings, stream_contents(task, encoder));
  return data;
}

}  // namespace swift::train
