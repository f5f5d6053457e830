#include "train/prepare.h"

#include <unistd.h>

#include <cstdio>
#include <thread>

#include "base/log.h"

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

data::Dataset prepare_dataset(const config::Task& task, const text::ModelText& text,
                              const data::Encoder& encoder) {
  data::DatasetOptions options;
  options.train = task.dataset;
  options.validation = task.val_dataset;
  options.split_ratio = task.split_dataset_ratio;
  options.load.strict = task.strict;
  options.load.shuffle = task.dataset_shuffle;
  options.load.seed = static_cast<uint64_t>(task.data_seed);
  if (!task.columns.empty())
    options.load.schema.columns = base::parse_json(task.columns, "columns", base::ExitCode::usage);
  options.shuffle_validation = task.val_dataset_shuffle;
  // Two of these at the start are refused, whether the tokenizer or the template writes them.
  const base::Json special = text::special_tokens(task.model);
  if (special.contains("bos_token"))
    options.bos_token_id = text.tokenizer.id_of(special.at("bos_token").get<std::string>());
  options.workers =
      static_cast<unsigned>(std::max<int64_t>(task.dataset_num_proc, std::thread::hardware_concurrency()));
  data::Dataset dataset = data::load_dataset(options, encoder);
  const bool colour = isatty(STDERR_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  base::log::info("the first training sample, trained text marked:\n" +
                  data::coloured_dump(dataset.train.front(), text.tokenizer, colour));
  base::log::info("training data: " + dataset.train_report.summary());
  if (!dataset.validation.empty()) base::log::info("validation data: " + dataset.validation_report.summary());
  return dataset;
}

}  // namespace swift::train
