#include "data/turn_weights.h"

#include <algorithm>
#include <span>

namespace swift::data {
namespace {

struct Keyword {
  std::string_view text;
  float own = 1;     // weight of the keyword
  float behind = 1;  // weight of what follows, up to the next keyword
};

constexpr Keyword kReact[] = {{"Action:", 2, 2},
                              {"Action Input:", 2, 2},
                              {"Thought:", 1, 1},
                              {"Final Answer:", 1, 1},
                              {"Observation:", 2, 0}};
constexpr Keyword kAlphaUmi[] = {{"Action:", 2, 2},       {"Action Input:", 2, 2}, {"Thought:", 1, 1},
                                 {"Final Answer:", 1, 1}, {"Observation:", 2, 0},  {"Next:", 2, 2}};
constexpr Keyword kQwen[] = {
    {"✿FUNCTION✿:", 2, 2}, {"✿ARGS✿:", 2, 2}, {"✿RETURN✿:", 1, 1}, {"✿RESULT✿:", 2, 0}};
constexpr Keyword kAgentFlan[] = {{"Name:", 1, 3},        {"Action:", 1, 3},       {"ACTION:", 1, 3},
                                  {"Tool:", 1, 3},        {"Command", 1, 3},       {"Arguments:", 1, 3},
                                  {"action input", 1, 3}, {"ACTION_INPUT:", 1, 3}, {"Action Input:", 1, 3},
                                  {"Thought:", 1, 1},     {"Final Answer:", 1, 1}, {"Observation:", 2, 0}};

std::span<const Keyword> keywords_of(std::string_view part) {
  if (part == "react") return kReact;
  if (part == "alpha_umi") return kAlphaUmi;
  if (part == "qwen") return kQwen;
  if (part == "agentflan") return kAgentFlan;
  return {};
}

size_t skip_space(std::string_view text, size_t at) {
  return std::min(text.find_first_not_of(" \t\r\n\v\f", at), text.size());
}

// Length of thoughts without text at the start, with the space behind them.
size_t empty_think(std::string_view text) {
  constexpr std::string_view kOpen = "<think>", kClose = "</think>";
  constexpr std::string_view kSeed =
      "<seed:think><seed:cot_budget_reflect>The current thinking budget is 0, so I will directly start "
      "answering "
      "the question.</seed:cot_budget_reflect>\n</seed:think>";
  constexpr std::string_view kChannel = "<|channel>thought\n<channel|>";
  if (text.starts_with(kSeed)) return skip_space(text, kSeed.size());
  if (text.starts_with(kChannel)) return kChannel.size();
  const size_t close = skip_space(text, text.starts_with(kOpen) ? kOpen.size() : 0);
  return text.substr(close).starts_with(kClose) ? skip_space(text, close + kClose.size()) : 0;
}

size_t think_prefix(std::string_view text) {
  if (text.starts_with("<think>\n")) return 8;
  return text.starts_with("<think>") ? 7 : 0;
}

class Weights {
 public:
  explicit Weights(size_t size) : stretches_{{0, size, 1.0F}} {}

  void multiply(size_t begin, size_t end, float factor) {
    if (begin >= end || factor == 1.0F) return;
    cut(begin);
    cut(end);
    for (Stretch& stretch : stretches_) {
      if (stretch.begin >= begin && stretch.end <= end) stretch.weight *= factor;
    }
  }

  std::vector<Stretch> take() {
    std::vector<Stretch> joined;
    for (const Stretch& stretch : stretches_) {
      if (stretch.begin == stretch.end) continue;
      if (!joined.empty() && joined.back().weight == stretch.weight)
        joined.back().end = stretch.end;
      else
        joined.push_back(stretch);
    }
    return joined;
  }

 private:
  void cut(size_t at) {
    const auto found = std::find_if(stretches_.begin(), stretches_.end(),
                                    [at](const Stretch& s) { return s.begin < at && at < s.end; });
    if (found == stretches_.end()) return;
    const Stretch rest{at, found->end, found->weight};
    found->end = at;
    stretches_.insert(found + 1, rest);
  }

  std::vector<Stretch> stretches_;
};

void weigh_tool_calls(std::string_view turn, Weights& weights) {
  constexpr std::string_view kOpen = "<tool_call>", kClose = "</tool_call>";
  for (size_t at = 0; (at = turn.find(kOpen, at)) != std::string_view::npos;) {
    const size_t close = turn.find(kClose, at + kOpen.size() + 1);
    if (close == std::string_view::npos) return;
    weights.multiply(at, close + kClose.size(), 2);
    at = close + kClose.size();
  }
}

// The first keyword at or behind `at`; of two at one place, the one listed first.
std::pair<size_t, const Keyword*> next_keyword(std::string_view turn, size_t at,
                                               std::span<const Keyword> keywords) {
  std::pair<size_t, const Keyword*> found{turn.size(), nullptr};
  for (const Keyword& keyword : keywords) {
    const size_t place = turn.find(keyword.text, at);
    if (place < found.first) found = {place, &keyword};
  }
  return found;
}

void weigh_keywords(std::string_view turn, std::span<const Keyword> keywords, Weights& weights) {
  auto [at, keyword] = next_keyword(turn, 0, keywords);
  while (keyword != nullptr) {
    const size_t behind = at + keyword->text.size();
    const auto [next, next_word] = next_keyword(turn, behind, keywords);
    weights.multiply(at, behind, keyword->own);
    weights.multiply(behind, next, keyword->behind);
    at = next;
    keyword = next_word;
  }
}

}  // namespace

std::vector<Stretch> turn_weights(std::string_view turn, const std::vector<std::string>& parts) {
  Weights weights(turn.size());
  for (const std::string& part : parts) {
    if (part == "ignore_empty_think")
      weights.multiply(0, empty_think(turn), 0);
    else if (part == "ignore_think_prefix")
      weights.multiply(0, think_prefix(turn), 0);
    else if (part == "hermes")
      weigh_tool_calls(turn, weights);
    else
      weigh_keywords(turn, keywords_of(part), weights);
  }
  return weights.take();
}

}  // namespace swift::data
