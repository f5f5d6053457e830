#include "train/grpo/round.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/file.h"

namespace swift::train::grpo {

using base::Json;

namespace {

Json number_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

double number_from(const Json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

Json to_json(const Rollout& r) {
  return {{"prompt", r.prompt},
          {"ids", r.ids},
          {"written", std::vector<int>(r.written.begin(), r.written.end())},
          {"log_probs", r.log_probs},
          {"text", r.text},
          {"messages", r.messages},
          {"truncated", r.truncated},
          {"turns", r.turns},
          {"environment_reward", r.environment_reward ? Json(*r.environment_reward) : Json(nullptr)}};
}

Rollout rollout_from(const Json& json) {
  Rollout r;
  r.prompt = json.at("prompt").get<int64_t>();
  r.ids = json.at("ids").get<std::vector<int32_t>>();
  for (const Json& one : json.at("written")) r.written.push_back(static_cast<char>(one.get<int>()));
  r.log_probs = json.at("log_probs").get<std::vector<float>>();
  r.text = json.at("text").get<std::string>();
  r.messages = json.at("messages");
  r.truncated = json.at("truncated").get<bool>();
  r.turns = json.at("turns").get<int64_t>();
  if (!json.at("environment_reward").is_null())
    r.environment_reward = json.at("environment_reward").get<double>();
  return r;
}

}  // namespace

std::vector<float> loss_mask(const Rollout& rollout, bool overlong_filter) {
  std::vector<float> mask(rollout.ids.size(), 0.0F);
  if (overlong_filter && rollout.truncated) return mask;
  for (size_t i = 0; i < mask.size(); ++i) mask[i] = rollout.written[i] != 0 ? 1.0F : 0.0F;
  return mask;
}

Json round_metrics(const Round& round, const std::vector<std::string>& names) {
  const auto rows = static_cast<double>(std::max<size_t>(1, round.rollouts.size()));
  Json line = {{"reward", round.advantage.mean_reward},
               {"reward_std", round.advantage.mean_group_std},
               {"frac_reward_zero_std", round.advantage.zero_std_share}};
  for (size_t f = 0; f < names.size(); ++f) {
    double sum = 0, squares = 0, count = 0;
    for (const auto& row : round.rewards) {
      if (std::isnan(row[f])) continue;
      sum += row[f];
      count += 1;
    }
    const double mean = count > 0 ? sum / count : 0.0;
    for (const auto& row : round.rewards)
      if (!std::isnan(row[f])) squares += (row[f] - mean) * (row[f] - mean);
    line["rewards/" + names[f] + "/mean"] = mean;
    line["rewards/" + names[f] + "/std"] = count > 1 ? std::sqrt(squares / (count - 1)) : 0.0;
  }
  int64_t total = 0, least = std::numeric_limits<int64_t>::max(), most = 0, clipped = 0, turns = 0;
  for (const Rollout& rollout : round.rollouts) {
    const int64_t length = rollout.written_tokens();
    total += length;
    least = std::min(least, length);
    most = std::max(most, length);
    clipped += rollout.truncated;
    turns += rollout.turns;
  }
  line["completions/mean_length"] = static_cast<double>(total) / rows;
  line["completions/min_length"] = static_cast<double>(std::min(least, most));
  line["completions/max_length"] = static_cast<double>(most);
  line["completions/clipped_ratio"] = static_cast<double>(clipped) / rows;
  line["num_turns"] = static_cast<double>(turns) / rows;
  return line;
}

std::vector<Json> completion_lines(const Round& round, const std::vector<Prompt>& prompts,
                                   const std::vector<std::string>& names, int64_t step) {
  std::vector<Json> lines;
  for (size_t i = 0; i < round.rollouts.size(); ++i) {
    const Rollout& rollout = round.rollouts[i];
    const Prompt& prompt = prompts[static_cast<size_t>(rollout.prompt)];
    Json line = {{"step", step},
                 {"prompt", prompt.question},
                 {"completion", rollout.text},
                 {"reward", number_or_null(round.advantage.rewards[i])},
                 {"advantage", round.advantage.advantages[i]},
                 {"completion_tokens", rollout.written_tokens()},
                 {"truncated", rollout.truncated}};
    for (size_t f = 0; f < names.size(); ++f)
      line["rewards/" + names[f]] = number_or_null(round.rewards[i][f]);
    if (rollout.turns > 1) line["messages"] = rollout.messages;
    line["where"] = prompt.row.where.str();
    lines.push_back(std::move(line));
  }
  return lines;
}

void keep_completions(const std::filesystem::path& file, int64_t step) {
  if (!std::filesystem::exists(file)) return;
  const std::string text = base::read_file(file);
  std::string kept;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    if (end == std::string::npos) break;  // cut off by a kill
    const std::string line = text.substr(at, end - at + 1);
    const Json json = Json::parse(line, nullptr, false);
    if (json.is_object() && json.value("step", int64_t{0}) <= step) kept += line;
    at = end + 1;
  }
  base::write_file_atomic(file, kept);
}

Json to_json(const Round& round) {
  Json rollouts = Json::array(), rewards = Json::array(), totals = Json::array();
  for (const Rollout& rollout : round.rollouts) rollouts.push_back(to_json(rollout));
  for (const auto& row : round.rewards) {
    rewards.push_back(Json::array());
    for (const double value : row) rewards.back().push_back(number_or_null(value));
  }
  for (const double value : round.advantage.rewards) totals.push_back(number_or_null(value));
  return {{"index", round.index},
          {"update", round.update},
          {"rollouts", std::move(rollouts)},
          {"rewards", std::move(rewards)},
          {"totals", std::move(totals)},
          {"advantages", round.advantage.advantages},
          {"mean_reward", round.advantage.mean_reward},
          {"mean_group_std", round.advantage.mean_group_std},
          {"zero_std_share", round.advantage.zero_std_share},
          {"old_log_probs", round.old_log_probs},
          {"ref_log_probs", round.ref_log_probs},
          {"trained_tokens", round.trained_tokens},
          {"used", round.used},
          {"metrics", round.metrics}};
}

Round round_from_json(const Json& json) {
  try {
    Round round;
    round.index = json.at("index").get<int64_t>();
    round.update = json.at("update").get<int64_t>();
    for (const Json& one : json.at("rollouts")) round.rollouts.push_back(rollout_from(one));
    for (const Json& row : json.at("rewards")) {
      round.rewards.emplace_back();
      for (const Json& value : row) round.rewards.back().push_back(number_from(value));
    }
    for (const Json& value : json.at("totals")) round.advantage.rewards.push_back(number_from(value));
    round.advantage.advantages = json.at("advantages").get<std::vector<double>>();
    round.advantage.mean_reward = json.at("mean_reward").get<double>();
    round.advantage.mean_group_std = json.at("mean_group_std").get<double>();
    round.advantage.zero_std_share = json.at("zero_std_share").get<double>();
    round.old_log_probs = json.at("old_log_probs").get<std::vector<std::vector<float>>>();
    round.ref_log_probs = json.at("ref_log_probs").get<std::vector<std::vector<float>>>();
    round.trained_tokens = json.at("trained_tokens").get<double>();
    round.used = json.at("used").get<int64_t>();
    round.metrics = json.at("metrics");
    return round;
  } catch (const Json::exception& fault) {
    throw base::Error(base::ExitCode::model,
                      std::string("the checkpoint's completions are malformed: ") + fault.what());
  }
}

}  // namespace swift::train::grpo
