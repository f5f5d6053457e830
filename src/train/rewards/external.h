// What rewards outside of this process share: rows as JSON, scores back, another try after a failure.
#pragma once
#include <functional>

#include "train/rewards/reward.h"

namespace swift::train::rewards {

// {"prompt", "completion", "messages", "completion_tokens", "truncated", and the row's other columns}.
base::Json to_json(const Scored& row);

// A score: a number, or null where the function does not apply (NaN). Throws base::Error(failure) naming the
// reward and the row for anything else, NaN among it.
double read_score(const base::Json& value, const std::string& reward, const Scored& row);

// Calls `attempt` until it returns, settings.max_retries times again after base::Error, with 0.5 s, 1 s, 2 s
// … between; the last error leaves, saying how often was tried. Errors of usage and signals leave at once.
std::vector<double> with_retries(const std::string& reward, const RewardSettings& settings,
                                 const std::function<std::vector<double>()>& attempt);

}  // namespace swift::train::rewards
