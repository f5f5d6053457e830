#include "train/grpo/grpo_data.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"
#include "base/log.h"
#include "data/load.h"

namespace swift::train::grpo {

using base::cat;
using base::Error;
using base::ExitCode;
using base::Json;

namespace {

// Prompts that were too long.
struct Excess {
  int64_t count = 0;
  base::Location first;
  int64_t tokens = 0;  // of the first
};

std::string last_question(const data::Row& row) {
  for (auto message = row.messages.rbegin(); message != row.messages.rend(); ++message) {
    if (message->value("role", "") == "user" && (*message)["content"].is_string())
      return (*message)["content"].get<std::string>();
  }
  return row.text;
}

// The row without the answers at its end. Plain text is a user's message where there is a template.
data::Row without_answer(data::Row row, bool chat) {
  while (!row.messages.empty() && row.messages.back().value("role", "") == "assistant")
    row.messages.erase(row.messages.size() - 1);
  if (row.messages.empty() && chat && !row.text.empty())
    row.messages.push_back({{"role", "user"}, {"content", row.text}});
  return row;
}

void rename_columns(data::Row& row, const std::map<std::string, std::string>& renames) {
  for (const auto& [from, to] : renames)
    if (row.columns.contains(from) && !row.columns.contains(to)) row.columns[to] = Json(row.columns[from]);
}

// Holds ids to `most` tokens; false when the row is to be dropped.
bool fit(std::vector<int32_t>& ids, int64_t most, const config::Task& task, const base::Location& where,
         Excess& excess) {
  const auto length = static_cast<int64_t>(ids.size());
  if (length <= most) return true;
  if (task.strict) {
    throw Error(ExitCode::data, cat("the prompt has ", length, " tokens, above ", most), where,
                "lower max_completion_length, raise max_length, or shorten the prompt");
  }
  if (excess.count++ == 0) excess.first = where, excess.tokens = length;
  if (task.truncation_strategy == "right") {
    ids.resize(static_cast<size_t>(most));
  } else if (task.truncation_strategy == "left") {
    ids.erase(ids.begin(), ids.end() - most);
  } else {
    return false;
  }
  return true;
}

std::vector<Prompt> encode(std::vector<data::Row> rows, const config::Task& task,
                           const data::Encoder& encoder, int64_t most,
                           const std::map<std::string, std::string>& renames, const char* what) {
  std::vector<Prompt> prompts;
  Excess excess;
  const bool chat = encoder.options().use_chat_template;
  for (data::Row& row : rows) {
    Prompt prompt{without_answer(std::move(row), chat), {}, {}};
    if (prompt.row.messages.empty() && prompt.row.text.empty()) {
      throw Error(ExitCode::data, "the row has no prompt: it begins with the assistant", prompt.row.where,
                  "GRPO needs a user's message, or a text");
    }
    rename_columns(prompt.row, renames);
    prompt.question = last_question(prompt.row);
    prompt.ids = encoder.encode_prompt(prompt.row);
    if (prompt.ids.empty()) throw Error(ExitCode::data, "the prompt has no tokens", prompt.row.where);
    if (fit(prompt.ids, most, task, prompt.row.where, excess)) prompts.push_back(std::move(prompt));
  }
  if (excess.count > 0) {
    base::log::warn(cat(excess.count, " of ", rows.size(), " ", what, " prompts are above ", most,
                        " tokens and were ",
                        task.truncation_strategy == "delete" ? "left out" : "cut on the ",
                        task.truncation_strategy == "delete" ? "" : task.truncation_strategy,
                        "; the first is ", excess.first.str(), " with ", excess.tokens, " tokens"));
  }
  return prompts;
}

}  // namespace

PromptData load_prompts(const config::Task& task, const data::Encoder& encoder, int64_t max_positions) {
  data::LoadOptions options;
  options.schema.keep_columns = true;
  options.schema.pretrain = true;  // a row of nothing but text is a prompt
  options.strict = task.strict;
  options.shuffle = task.dataset_shuffle;
  options.seed = static_cast<uint64_t>(task.data_seed);
  if (!task.columns.empty())
    options.schema.columns = base::parse_json(task.columns, "columns", ExitCode::usage);
  const int64_t room = max_positions - task.max_completion_length;
  if (room < 1) {
    throw Error(ExitCode::usage,
                cat("max_completion_length: ", task.max_completion_length,
                    " leaves no room for a prompt in the ", max_positions, " positions of the model"),
                {}, "lower max_completion_length");
  }
  const int64_t most = std::min(room, task.max_length.value_or(room));
  auto rows = data::load_rows(task.dataset, options);
  std::vector<data::Row> validation;
  if (!task.val_dataset.empty()) {
    validation = data::load_rows(task.val_dataset, options);
  } else if (task.split_dataset_ratio > 0) {
    std::tie(rows, validation) = data::split(std::move(rows), task.split_dataset_ratio, options.seed);
  }
  const auto& renames = options.schema.columns;
  PromptData data{encode(std::move(rows), task, encoder, most, renames, "training"),
                  encode(std::move(validation), task, encoder, most, renames, "validation")};
  if (data.train.empty()) throw Error(ExitCode::data, "no prompt is left to train on");
  int64_t longest = 0, total = 0;
  for (const Prompt& prompt : data.train) {
    longest = std::max(longest, static_cast<int64_t>(prompt.ids.size()));
    total += static_cast<int64_t>(prompt.ids.size());
  }
  base::log::info(cat("prompts: ", data.train.size(), " to train on, of ",
                      total / static_cast<int64_t>(data.train.size()), " tokens on average and ", longest,
                      " at most; ", data.validation.size(), " to evaluate"));
  return data;
}

}  // namespace swift::train::grpo
