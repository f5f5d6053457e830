#include "train/grpo/policy_term.h"

#include <algorithm>
#include <array>

namespace swift::train::grpo {
namespace {

constexpr std::array kTypes = {
    LossType{"grpo", clipped_term, Reduction::sequence_mean},
    LossType{"bnpo", clipped_term, Reduction::batch_tokens},
    LossType{"dr_grpo", clipped_term, Reduction::fixed_length},
    LossType{"dapo", clipped_term, Reduction::window_tokens},
    LossType{"cispo", cispo_term, Reduction::window_tokens},
    LossType{"sapo", sapo_term, Reduction::sequence_mean},
};

}  // namespace

std::span<const LossType> loss_types() {
  return kTypes;
}

const LossType* find_loss_type(const std::string& name) {
  const auto found =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const LossType& t) { return name == t.name; });
  return found == kTypes.end() ? nullptr : &*found;
}

}  // namespace swift::train::grpo
