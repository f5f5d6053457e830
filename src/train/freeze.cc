#include "train/freeze.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/error.h"
#include "base/format.h"
#include "base/suggest.h"
#include "model/pattern.h"

namespace swift::train {
using base::cat;
namespace {

// Every beginning of a dotted name that ends at a dot, and the names themselves.
std::vector<std::string> beginnings(const std::vector<Weight>& weights) {
  std::vector<std::string> found;
  for (const Weight& weight : weights) {
    for (size_t dot = weight.name.find('.'); dot != std::string::npos; dot = weight.name.find('.', dot + 1))
      found.push_back(weight.name.substr(0, dot));
    found.push_back(weight.name);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

[[noreturn]] void refuse(const char* setting, const std::string& value, const std::vector<Weight>& weights) {
  const auto near = base::nearest(value, beginnings(weights));
  std::string hint = near ? "did you mean '" + *near + "'? " : "";
  if (value.starts_with("lm_head")) hint = "the head of this model is its embedding, model.embed_tokens; ";
  throw base::Error(
      base::ExitCode::usage, cat(setting, ": '", value, "' matches no weight"), {},
      hint + "the first weight is " + weights.front().name + ", the last " + weights.back().name);
}

void set_matching(std::vector<bool>& trained, bool value, const char* setting, const std::string& text,
                  const std::vector<Weight>& weights,
                  const std::function<bool(const std::string& name)>& matches) {
  bool any = false;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (matches(weights[i].name)) trained[i] = value, any = true;
  }
  if (!any) refuse(setting, text, weights);
}

void set_beginnings(std::vector<bool>& trained, bool value, const char* setting,
                    const std::vector<std::string>& texts, const std::vector<Weight>& weights) {
  for (const std::string& text : texts) {
    set_matching(trained, value, setting, text, weights,
                 [&text](const std::string& name) { return name.starts_with(text); });
  }
}

void set_regex(std::vector<bool>& trained, bool value, const char* setting,
               const std::optional<std::string>& text, const std::vector<Weight>& weights) {
  if (!text || text->empty()) return;
  set_matching(trained, value, setting, *text, weights,
               [&text](const std::string& name) { return model::matches_part(*text, name); });
}

// transformers' order within a block: attention, MLP, then the two norms.
int place_in_block(const std::string& name) {
  if (name.find(".self_attn.") != std::string::npos) return 0;
  if (name.find(".mlp.") != std::string::npos) return 1;
  return name.find(".input_layernorm.") != std::string::npos ? 2 : 3;
}

// "model.layers.<n>." of a name in a block, else the name.
std::string block_of(const std::string& name) {
  constexpr std::string_view kLayers = "model.layers.";
  return name.starts_with(kLayers) ? name.substr(0, name.find('.', kLayers.size()) + 1) : name;
}

std::vector<size_t> transformers_order(const std::vector<Weight>& weights) {
  std::vector<size_t> order(weights.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t first = 0; first < order.size();) {
    const std::string block = block_of(weights[first].name);
    size_t last = first + 1;
    while (last < order.size() && block_of(weights[last].name) == block) ++last;
    std::stable_sort(order.begin() + static_cast<std::ptrdiff_t>(first),
                     order.begin() + static_cast<std::ptrdiff_t>(last), [&](size_t a, size_t b) {
                       return place_in_block(weights[a].name) < place_in_block(weights[b].name);
                     });
    first = last;
  }
  return order;
}

void freeze_ratio(std::vector<bool>& trained, const std::vector<Weight>& weights, double ratio) {
  int64_t all = 0, seen = 0;
  for (const Weight& weight : weights) all += weight.size;
  const auto limit = static_cast<int64_t>(static_cast<double>(all) * ratio);
  for (const size_t index : transformers_order(weights)) {
    seen += weights[index].size;
    if (seen > limit) return;
    trained[index] = false;
  }
}

}  // namespace

std::vector<bool> trained_weights(const std::vector<Weight>& weights, const config::Task& task) {
  std::vector<bool> trained(weights.size(), true);
  if (task.freeze_parameters_ratio > 0) freeze_ratio(trained, weights, task.freeze_parameters_ratio);
  set_beginnings(trained, false, "freeze_parameters", task.freeze_parameters, weights);
  set_regex(trained, false, "freeze_parameters_regex", task.freeze_parameters_regex, weights);
  set_beginnings(trained, true, "trainable_parameters", task.trainable_parameters, weights);
  set_regex(trained, true, "trainable_parameters_regex", task.trainable_parameters_regex, weights);
  if (std::find(trained.begin(), trained.end(), true) == trained.end()) {
    throw base::Error(base::ExitCode::usage, "the freeze_parameters settings leave nothing to train", {},
                      "freeze less, or name weights in trainable_parameters");
  }
  return trained;
}

}  // namespace swift::train
