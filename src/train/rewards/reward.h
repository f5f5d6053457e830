// Rewards of completions: one function a file, chosen by name in table.cc, or a program or an HTTP address.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace swift::train::rewards {

// One completion, as reward functions see it.
struct Scored {
  std::string prompt;                   // the last user's text
  std::string completion;               // without special tokens
  base::Json messages;                  // the conversation with the completion as the assistant's message
  int64_t tokens = 0;                   // of the completion
  bool truncated = false;               // cut off at the longest length
  const base::Json* columns = nullptr;  // of the dataset's row; null: none
  base::Location where;                 // of the row
};

// What built-in functions are told by settings.
struct RewardSettings {
  int64_t max_completion_length = 512;
  double cosine_min_len_value_wrong = -0.5, cosine_max_len_value_wrong = 0.0;
  double cosine_min_len_value_correct = 1.0, cosine_max_len_value_correct = 0.5;
  std::optional<int64_t> cosine_max_len;  // tokens; unset: max_completion_length
  int64_t repetition_n_grams = 3;
  double repetition_max_penalty = -1.0;
  std::optional<int64_t> soft_max_length;  // tokens; unset: max_completion_length
  std::optional<int64_t> soft_cache_length;
  double timeout = 60;  // seconds, of external rewards
  int64_t max_retries = 2;
  std::function<void(double seconds)> sleep;  // between retries; default: the thread sleeps
};

class Reward {
 public:
  virtual ~Reward() = default;
  // For metrics: "rewards/<name>/mean".
  virtual std::string name() const = 0;
  // One number a row; NaN where the function does not apply. Throws base::Error at the row at fault.
  virtual std::vector<double> score(std::span<const Scored> rows) = 0;
};

// A reward that looks at one row at a time.
class RowReward : public Reward {
 public:
  using Function = std::function<double(const Scored&)>;
  RowReward(std::string name, Function function) : name_(std::move(name)), function_(std::move(function)) {}
  std::string name() const override { return name_; }
  std::vector<double> score(std::span<const Scored> rows) override {
    std::vector<double> scores;
    for (const Scored& row : rows) scores.push_back(function_(row));
    return scores;
  }

 private:
  std::string name_;
  Function function_;
};

// `argument` is what follows the first ':' of "name:argument".
using MakeReward = std::unique_ptr<Reward> (*)(const std::string& argument, const RewardSettings& settings);

std::unique_ptr<Reward> make_accuracy(const std::string& argument, const RewardSettings& settings);
std::unique_ptr<Reward> make_format(const std::string& argument, const RewardSettings& settings);
std::unique_ptr<Reward> make_repetition(const std::string& argument, const RewardSettings& settings);
std::unique_ptr<Reward> make_cosine(const std::string& argument, const RewardSettings& settings);
std::unique_ptr<Reward> make_soft_overlong(const std::string& argument, const RewardSettings& settings);
std::unique_ptr<Reward> make_length(const std::string& argument, const RewardSettings& settings);
std::unique_ptr<Reward> make_regex(const std::string& argument, const RewardSettings& settings);
std::unique_ptr<Reward> make_json_schema(const std::string& argument, const RewardSettings& settings);
std::unique_ptr<Reward> make_command(const std::string& argument, const RewardSettings& settings);
std::unique_ptr<Reward> make_http(const std::string& url, const RewardSettings& settings);

// An entry of reward_funcs: a name of the table with or without an argument, command:…, http://…, https://….
// Throws base::Error(usage) for an unknown name, with the nearest one.
std::unique_ptr<Reward> make_reward(const std::string& spec, const RewardSettings& settings);

// (rows, functions): every function's scores, checked: as many as rows, none infinite. Throws
// base::Error(failure) naming the function and the row.
std::vector<std::vector<double>> score_all(std::span<const std::unique_ptr<Reward>> rewards,
                                           std::span<const Scored> rows);

// A column of the row that a reward needs, as text. Throws base::Error(data) at the row without it.
std::string text_column(const Scored& row, const std::string& column, const std::string& reward);

}  // namespace swift::train::rewards
