#include "config/loss_scale.h"

#include <algorithm>

#include "base/suggest.h"

namespace swift::config {
namespace {

const std::vector<std::string> kBases = {"default", "last_round", "all"};

bool among(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

[[noreturn]] void refuse_name(const std::string& name, const base::Location& where) {
  std::vector<std::string> names = kBases;
  names.insert(names.end(), loss_scale_parts().begin(), loss_scale_parts().end());
  const auto near = base::nearest(name, names);
  std::string known;
  for (const std::string& one : names) known += (known.empty() ? "" : ", ") + one;
  throw base::Error(
      base::ExitCode::usage,
      name.empty() ? "loss_scale: a name is missing" : "loss_scale: unknown name '" + name + "'", where,
      (near ? "did you mean '" + *near + "'? " : "") + "known, joined by '+': " + known);
}

}  // namespace

const std::vector<std::string>& loss_scale_parts() {
  static const std::vector<std::string> kParts = {
      "ignore_empty_think", "ignore_think_prefix", "react", "hermes", "qwen", "agentflan", "alpha_umi"};
  return kParts;
}

LossScale parse_loss_scale(const std::string& text, const base::Location& where) {
  LossScale scale;
  bool based = false;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('+', begin), text.size());
    const std::string name = text.substr(begin, end - begin);
    begin = end + 1;
    if (among(kBases, name)) {
      if (based) {
        throw base::Error(base::ExitCode::usage,
                          "loss_scale: '" + scale.base + "' and '" + name + "' exclude each other", where,
                          "give one of default, last_round and all");
      }
      scale.base = name;
      based = true;
    } else if (among(loss_scale_parts(), name)) {
      scale.parts.push_back(name);
    } else {
      refuse_name(name, where);
    }
  }
  return scale;
}

}  // namespace swift::config
