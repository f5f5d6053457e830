#include "train/preference/losses/table.h"

#include "base/error.h"

namespace swift::train::preference {
namespace {

struct Entry {
  std::string_view name;
  PairLoss loss;
};

constexpr Entry kLosses[] = {
    {"sigmoid", sigmoid_loss},     {"hinge", hinge_loss},       {"ipo", ipo_loss},
    {"exo_pair", exo_pair_loss},   {"nca_pair", nca_pair_loss}, {"robust", robust_loss},
    {"bco_pair", bco_pair_loss},   {"aot", aot_loss},           {"aot_unpaired", aot_unpaired_loss},
    {"sppo_hard", sppo_hard_loss}, {"apo_zero", apo_zero_loss}, {"apo_down", apo_down_loss},
    {"discopop", discopop_loss},   {"sft", sft_loss},
};

}  // namespace

PairLoss find_pair_loss(std::string_view name) {
  for (const Entry& entry : kLosses) {
    if (entry.name == name) return entry.loss;
  }
  throw base::Error(base::ExitCode::usage, "unknown loss '" + std::string(name) + "'");
}

}  // namespace swift::train::preference
