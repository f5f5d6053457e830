#include <algorithm>
#include <array>
#include <cmath>

#include "base/format.h"
#include "base/suggest.h"
#include "train/rewards/reward.h"

namespace swift::train::rewards {

using base::cat;
using base::Error;
using base::ExitCode;

namespace {

struct Entry {
  const char* name;
  MakeReward make;
};

constexpr std::array kTable = {
    Entry{"accuracy", make_accuracy},
    Entry{"format", make_format},
    Entry{"repetition", make_repetition},
    Entry{"cosine", make_cosine},
    Entry{"soft_overlong", make_soft_overlong},
    Entry{"length", make_length},
    Entry{"regex", make_regex},
    Entry{"json_schema", make_json_schema},
    Entry{"command", make_command},
};

}  // namespace

std::unique_ptr<Reward> make_reward(const std::string& spec, const RewardSettings& settings) {
  if (spec.starts_with("http://") || spec.starts_with("https://")) return make_http(spec, settings);
  const size_t colon = spec.find(':');
  const std::string name = spec.substr(0, colon);
  const std::string argument = colon == std::string::npos ? "" : spec.substr(colon + 1);
  for (const Entry& entry : kTable)
    if (name == entry.name) return entry.make(argument, settings);
  std::vector<std::string> names;
  for (const Entry& entry : kTable) names.emplace_back(entry.name);
  const auto near = base::nearest(name, names);
  throw Error(ExitCode::usage, cat("reward_funcs: there is no reward '", name, "'"), {},
              !near ? "built in are accuracy, format, repetition, cosine, soft_overlong, length, regex and "
                      "json_schema; command:PROGRAM and http:// addresses are your own"
                    : "did you mean '" + *near + "'?");
}

std::vector<std::vector<double>> score_all(std::span<const std::unique_ptr<Reward>> rewards,
                                           std::span<const Scored> rows) {
  std::vector<std::vector<double>> table(rows.size());
  for (const auto& reward : rewards) {
    const std::vector<double> scores = reward->score(rows);
    if (scores.size() != rows.size()) {
      throw Error(
          ExitCode::failure,
          cat("reward ", reward->name(), " gave ", scores.size(), " scores for ", rows.size(), " rows"),
          rows.empty() ? base::Location{} : rows[std::min(scores.size(), rows.size() - 1)].where);
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      if (std::isinf(scores[i])) {
        throw Error(ExitCode::failure, cat("reward ", reward->name(), " is not finite for this row"),
                    rows[i].where);
      }
      table[i].push_back(scores[i]);
    }
  }
  return table;
}

std::string text_column(const Scored& row, const std::string& column, const std::string& reward) {
  if (row.columns != nullptr && row.columns->contains(column)) {
    const base::Json& value = (*row.columns)[column];
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_null()) return value.dump();
  }
  throw Error(ExitCode::data, cat("reward ", reward, " needs a column '", column, "', which this row lacks"),
              row.where,
              "rename one with columns: '{\"answer\": \"" + column + "\"}', or take the reward away");
}

}  // namespace swift::train::rewards
