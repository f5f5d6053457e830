// loss_scale: which tokens are trained, and parts of the assistant's turns that weigh more or less.
#pragma once
#include <string>
#include <vector>

#include "base/error.h"

namespace swift::config {

struct LossScale {
  std::string base = "default";    // default, last_round or all
  std::vector<std::string> parts;  // of loss_scale_parts()
};

// ignore_empty_think, ignore_think_prefix, react, hermes, qwen, agentflan, alpha_umi.
const std::vector<std::string>& loss_scale_parts();

// "last_round+hermes+ignore_empty_think"; without a base: default. Throws base::Error(usage) at `where` for
// an unknown name (with the nearest one), an empty one, and two bases.
LossScale parse_loss_scale(const std::string& text, const base::Location& where = {});

}  // namespace swift::config
