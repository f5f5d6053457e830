#include "train/prepare.h"

#include <unistd.h>

#include <cstdio>
#include <thread>

#include "base/format.h"
#include "base/file.h"
#include "base/log.h"

namespace swift::train {
namespace fs = std::filesystem;
using base::Json;
namespace {

Json optional_json(const fs::path& file) {
  return fs::exists(file) ? base::read_json(file, base::ExitCode::model) : Json::object();
}

void add_id(std::vector<int32_t>& ids, std::optional<int32_t> id) {
  if (id && std::find(ids.begin(), ids.end(), *id) == ids.end()) ids.push_back(*id);
}

// "<|im_end|>" or {"content": "<|im_end|>"}.
std::optional<int32_t> token_id(const text::Tokenizer& tokenizer, const Json& config, const char* key) {
  if (!config.contains(key)) return std::nullopt;
  const Json& value = config.at(key);
  if (value.is_string()) return tokenizer.id_of(value.get<std::string>());
  if (value.is_object() && value.contains("content") && value.at("content").is_string()) {
    return tokenizer.id_of(value.at("content").get<std::string>());
  }
  return std::nullopt;
}

void add_ids(std::vector<int32_t>& ids, const Json& config, size_t vocab) {
  if (!config.contains("eos_token_id")) return;
  const Json& value = config.at("eos_token_id");
  const auto add = [&](const Json& id) {
    if (id.is_number_unsigned() && id.get<uint64_t>() < vocab) add_id(ids, id.get<int32_t>());
  };
  if (value.is_array()) {
    for (const Json& id : value) add(id);
  } else {
    add(value);
  }
}

}  // namespace

TextSide load_text_side(const config::Task& task) {
  const fs::path directory = task.model;
  TextSide side{text::Tokenizer::load(directory), std::nullopt, optional_json(directory / "generation_config.json"), {}, {}};
  const Json tokenizer_config = optional_json(directory / "tokenizer_config.json");
  add_id(side.eos_token_ids, token_id(side.tokenizer, tokenizer_config, "eos_token"));
  add_ids(side.eos_token_ids, side.generation_config, side.tokenizer.vocab_size());
  add_ids(side.eos_token_ids, optional_json(directory / "config.json"), side.tokenizer.vocab_size());
  if (tokenizer_config.value("add_bos_token", false)) side.bos_token_id = token_id(side.tokenizer, tokenizer_config, "bos_token");
  if (task.chat_template) {
    Json special = Json::object();
    for (const char* key : {"bos_token", "eos_token", "pad_token", "unk_token"}) {
      if (tokenizer_config.contains(key)) special[key] = tokenizer_config.at(key);
    }
    side.chat_template = text::ChatTemplate::from_source(base::read_file(*task.chat_template, base::ExitCode::usage), special, *task.chat_template);
  } else if (text::ChatTemplate::exists_in(directory)) {
    side.chat_template = text::ChatTemplate::from_directory(directory);
  }
  return side;
}

data::Encoder make_encoder(const config::Task& task, const TextSide& text, int64_t max_positions) {
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

data::Dataset prepare_dataset(const config::Task& task, const TextSide& text, const data::Encoder& encoder) {
  data::DatasetOptions options;
  options.train = task.dataset;
  options.validation = task.val_dataset;
  options.split_ratio = task.split_dataset_ratio;
  options.load.strict = task.strict;
  options.load.shuffle = task.dataset_shuffle;
  options.load.seed = static_cast<uint64_t>(task.data_seed);
  if (!task.columns.empty()) options.load.schema.columns = base::parse_json(task.columns, "columns", base::ExitCode::usage);
  options.shuffle_validation = task.val_dataset_shuffle;
  options.bos_token_id = text.bos_token_id;
  options.workers = static_cast<unsigned>(std::max<int64_t>(task.dataset_num_proc, std::thread::hardware_concurrency()));
  data::Dataset dataset = data::load_dataset(options, encoder);
  const bool colour = isatty(STDERR_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
  base::log::info("the first training sample, trained text marked:\n" + data::coloured_dump(dataset.train.front(), text.tokenizer, colour));
  base::log::info("training data: " + dataset.train_report.summary());
  if (!dataset.validation.empty()) base::log::info("validation data: " + dataset.validation_report.summary());
  return dataset;
}

}  // namespace swift::train
