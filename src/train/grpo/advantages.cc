#include "train/grpo/advantages.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace swift::train::grpo {
namespace {

constexpr double kEpsilon = 1e-4;      // beside a standard deviation
constexpr double kGdpoEpsilon = 1e-8;  // ms-swift's, where rewards are normalised one by one

// Mean and standard deviation (n - 1) of the values that are numbers.
struct Moments {
  double mean = 0;
  double std = 0;
  int64_t count = 0;
};

Moments moments(std::span<const double> values) {
  Moments m;
  for (const double v : values) {
    if (std::isnan(v)) continue;
    m.mean += v;
    ++m.count;
  }
  if (m.count == 0) return m;
  m.mean /= static_cast<double>(m.count);
  double squares = 0;
  for (const double v : values)
    if (!std::isnan(v)) squares += (v - m.mean) * (v - m.mean);
  if (m.count > 1) m.std = std::sqrt(squares / static_cast<double>(m.count - 1));
  return m;
}

double weight_of(const AdvantageSettings& settings, size_t function) {
  return function < settings.weights.size() ? settings.weights[function] : 1.0;
}

std::vector<double> weighted_sums(const RewardTable& rewards, const AdvantageSettings& settings,
                                  const std::vector<double>& penalties) {
  std::vector<double> sums;
  for (size_t row = 0; row < rewards.size(); ++row) {
    double sum = 0;
    bool any = false;
    for (size_t f = 0; f < rewards[row].size(); ++f) {
      if (std::isnan(rewards[row][f])) continue;
      any = true;
      sum += weight_of(settings, f) * rewards[row][f];
    }
    if (!penalties.empty()) sum -= penalties[row];
    sums.push_back(any ? sum : std::numeric_limits<double>::quiet_NaN());
  }
  return sums;
}

template <class F>
void for_groups(std::vector<double>& values, int64_t size, const F& f) {
  const auto step = static_cast<size_t>(size);
  for (size_t first = 0; first + step <= values.size(); first += step)
    f(std::span(values).subspan(first, step));
}

// Each value less the mean of its group.
std::vector<double> centred(std::vector<double> values, int64_t group_size) {
  for_groups(values, group_size, [](std::span<double> group) {
    const double mean = moments(group).mean;
    for (double& v : group) v -= mean;
  });
  return values;
}

void divide(std::span<double> values, double by) {
  for (double& v : values) v /= by;
}

// Every reward function normalised in its group, summed, and the sums normalised (GDPO, arXiv 2601.05242).
std::vector<double> decoupled(const RewardTable& rewards, const AdvantageSettings& settings) {
  std::vector<double> total(rewards.size(), 0.0);
  const size_t functions = rewards.empty() ? 0 : rewards.front().size();
  for (size_t f = 0; f < functions; ++f) {
    std::vector<double> column;
    for (const auto& row : rewards) column.push_back(row[f]);
    for_groups(column, settings.group_size, [](std::span<double> group) {
      const Moments m = moments(group);
      for (double& v : group) v = (v - m.mean) / (m.std + kGdpoEpsilon);
    });
    for (size_t row = 0; row < total.size(); ++row)
      if (!std::isnan(column[row])) total[row] += weight_of(settings, f) * column[row];
  }
  const Moments m = moments(total);
  for (double& v : total) v = (v - m.mean) / (m.std + kGdpoEpsilon);
  return total;
}

std::vector<double> scaled(const std::vector<double>& sums, const AdvantageSettings& settings) {
  std::vector<double> result = centred(sums, settings.group_size);
  const auto size = static_cast<double>(settings.group_size);
  if (settings.estimator == "rloo") {
    for (double& v : result) v *= size / (size - 1);
  } else if (settings.estimator == "reinforce_plus_plus") {
    divide(result, moments(result).std + kEpsilon);
  } else if (settings.scale == "batch") {
    divide(result, moments(sums).std + kEpsilon);
  } else if (settings.scale == "group") {
    for_groups(result, settings.group_size,
               [](std::span<double> group) { divide(group, moments(group).std + kEpsilon); });
  }
  return result;
}

}  // namespace

bool is_advantage_estimator(std::string_view name) {
  return name == "grpo" || name == "rloo" || name == "reinforce_plus_plus";
}

bool is_reward_scale(std::string_view name) {
  return name == "group" || name == "batch" || name == "none" || name == "gdpo";
}

Advantages advantages(const RewardTable& rewards, const AdvantageSettings& settings,
                      const std::vector<double>& penalties) {
  Advantages result;
  result.rewards = weighted_sums(rewards, settings, penalties);
  const bool apart = settings.estimator == "grpo" && settings.scale == "gdpo";
  result.advantages = apart ? decoupled(rewards, settings) : scaled(result.rewards, settings);
  for (double& v : result.advantages)
    if (std::isnan(v)) v = 0;
  result.mean_reward = moments(result.rewards).mean;
  int64_t groups = 0, equal = 0;
  for_groups(result.rewards, settings.group_size, [&](std::span<double> group) {
    const Moments m = moments(group);
    ++groups;
    equal += std::abs(m.std) < 1e-12;
    result.mean_group_std += m.std;
  });
  if (groups > 0) {
    result.mean_group_std /= static_cast<double>(groups);
    result.zero_std_share = static_cast<double>(equal) / static_cast<double>(groups);
  }
  return result;
}

}  // namespace swift::train::grpo
