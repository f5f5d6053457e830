// Whether a completion gives the right answer; `cosine` builds on it.
#pragma once
#include "train/rewards/reward.h"

namespace swift::train::rewards {

// 1 or 0. Throws base::Error(data) for a row without the column `solution`.
double accuracy(const Scored& row);

}  // namespace swift::train::rewards
