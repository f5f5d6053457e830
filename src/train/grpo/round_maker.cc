#include "train/grpo/round_maker.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/format.h"
#include "base/log.h"

namespace swift::train::grpo {

using base::cat;

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void append(Round& to, Round&& from, size_t first, size_t count) {
  for (size_t i = first; i < first + count; ++i) {
    to.rollouts.push_back(std::move(from.rollouts[i]));
    to.rewards.push_back(std::move(from.rewards[i]));
  }
}

void add_seconds(Round& to, const Round& from) {
  for (const char* key : {"generation_seconds", "reward_seconds"})
    to.metrics[key] = to.metrics.value(key, 0.0) + from.metrics.value(key, 0.0);
}

}  // namespace

RoundMaker::RoundMaker(RoundSettings settings, const std::vector<Prompt>& prompts,
                       const data::Encoder& encoder, CompletionSource& source,
                       rewards::Environment* environment,
                       std::span<const std::unique_ptr<rewards::Reward>> rewards, data::Sampler sampler)
    : settings_(std::move(settings)),
      prompts_(prompts),
      encoder_(encoder),
      source_(source),
      environment_(environment),
      rewards_(rewards),
      sampler_(std::move(sampler)) {
  for (const auto& reward : rewards_) {
    std::string name = reward->name();
    for (int64_t copy = 2; std::find(names_.begin(), names_.end(), name) != names_.end(); ++copy)
      name = cat(reward->name(), "_", copy);
    names_.push_back(std::move(name));
  }
  if (environment_ != nullptr) names_.emplace_back("environment");
}

// A full round of prompts; the rest of an epoch that is less is left out, unless the data is.
std::vector<int64_t> RoundMaker::draw() {
  std::vector<int64_t> drawn;
  while (static_cast<int64_t>(drawn.size()) < settings_.prompts) {
    const auto batch = sampler_.next();
    if (static_cast<int64_t>(batch.size()) < settings_.prompts && sampler_.items() >= settings_.prompts)
      continue;
    for (const uint32_t item : batch)
      if (static_cast<int64_t>(drawn.size()) < settings_.prompts) drawn.push_back(item);
  }
  return drawn;
}

void RoundMaker::score(Round& round, const std::vector<Prompt>& prompts) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<rewards::Scored> rows;
  for (const Rollout& rollout : round.rollouts)
    rows.push_back(scored(rollout, prompts[static_cast<size_t>(rollout.prompt)]));
  round.rewards = rewards::score_all(rewards_, rows);
  if (environment_ != nullptr) {
    for (size_t i = 0; i < round.rollouts.size(); ++i)
      round.rewards[i].push_back(
          round.rollouts[i].environment_reward.value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  round.metrics["reward_seconds"] = seconds_since(start);
}

Round RoundMaker::attempt(const std::vector<int64_t>& prompts, int64_t index, int64_t attempt) {
  std::vector<int64_t> which;
  std::vector<uint64_t> streams;
  for (const int64_t prompt : prompts) {
    for (int64_t k = 0; k < settings_.num_generations; ++k) {
      which.push_back(prompt);
      streams.push_back((static_cast<uint64_t>(index * 64 + attempt) << 16U) + streams.size());
    }
  }
  Round round;
  const auto start = std::chrono::steady_clock::now();
  round.rollouts = generate(prompts_, which, streams, source_, encoder_, environment_, settings_.rollout);
  round.metrics["generation_seconds"] = seconds_since(start);
  score(round, prompts_);
  return round;
}

bool RoundMaker::teaches(const Round& round, size_t group) const {
  AdvantageSettings settings;
  settings.group_size = settings_.num_generations;
  settings.weights = settings_.weights;
  const auto size = static_cast<std::ptrdiff_t>(settings_.num_generations);
  const auto first = round.rewards.begin() + static_cast<std::ptrdiff_t>(group) * size;
  return advantages(RewardTable(first, first + size), settings).zero_std_share == 0;
}

Round RoundMaker::make(int64_t index, int64_t update) {
  const data::Cursor before = sampler_.cursor();
  try {
    const auto group = static_cast<size_t>(settings_.num_generations);
    Round round = attempt(draw(), index, 0);
    if (settings_.dynamic_sample) {
      Round kept;
      Round last = round;  // what is left when too few groups differ
      add_seconds(kept, round);
      for (int64_t tried = 0;; ++tried) {
        const size_t groups = round.rollouts.size() / group;
        for (size_t g = 0; g < groups; ++g) {
          if (kept.rollouts.size() / group >= static_cast<size_t>(settings_.prompts)) break;
          if (teaches(round, g)) append(kept, std::move(round), g * group, group);
        }
        if (kept.rollouts.size() / group >= static_cast<size_t>(settings_.prompts)) break;
        if (tried == settings_.max_resample_times) break;
        round = attempt(draw(), index, tried + 1);
        add_seconds(kept, round);
      }
      const bool enough = kept.rollouts.size() / group >= static_cast<size_t>(settings_.prompts);
      if (!enough) {
        base::log::warn(cat("dynamic_sample: of ", settings_.max_resample_times + 1,
                            " times as many prompts only ", kept.rollouts.size() / group,
                            " had different rewards; the first ones are trained on as they are"));
        last.metrics = kept.metrics;
      }
      round = enough ? std::move(kept) : std::move(last);
    }
    round.index = index;
    round.update = update;
    return round;
  } catch (...) {
    sampler_.seek(before);
    throw;
  }
}

Round RoundMaker::evaluate(const std::vector<Prompt>& prompts) {
  std::vector<int64_t> which;
  for (size_t i = 0; i < prompts.size(); ++i) which.push_back(static_cast<int64_t>(i));
  RolloutSettings settings = settings_.rollout;
  settings.sampling.temperature = 0;
  Round round;
  round.rollouts = generate(prompts, which, std::vector<uint64_t>(which.begin(), which.end()), source_,
                            encoder_, environment_, settings);
  score(round, prompts);
  AdvantageSettings advantage;
  advantage.weights = settings_.weights;
  advantage.group_size = 1;
  round.advantage = advantages(round.rewards, advantage);
  return round;
}

}  // namespace swift::train::grpo
