#include "data/end_of_turn.h"

#include <algorithm>
#include <array>

namespace swift::data {
namespace {

constexpr std::array<std::string_view, 20> kTurnEnds = {
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<end_of_turn>",
    "<turn|>",
    "<|eot|>",
    "<|END_OF_TURN_TOKEN|>",
    "<｜end▁of▁sentence｜>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
    "<eos>",
    "<|role_end|>",
    "[e~[",
    "<seed:eos>",
    "<|end_of_sentence|>",
    "<eoa>",
};
constexpr std::array<std::string_view, 2> kRoleTokens = {"<|user|>", "<|observation|>"};

bool is_role_token(std::string_view text) {
  return std::find(kRoleTokens.begin(), kRoleTokens.end(), text) != kRoleTokens.end();
}

}  // namespace

std::vector<EndMarker> end_markers(const text::Tokenizer& tokenizer, std::span<const int32_t> eos_token_ids) {
  std::vector<EndMarker> markers;
  const auto add = [&](std::string_view text) {
    const auto id = tokenizer.id_of(text);
    const bool known =
        std::any_of(markers.begin(), markers.end(), [&](const EndMarker& m) { return m.text == text; });
    if (!id || known || text.empty() || tokenizer.encode(text) != std::vector<int32_t>{*id}) return;
    markers.push_back({std::string(text), *id, is_role_token(text)});
  };
  for (const int32_t id : eos_token_ids) {
    if (id >= 0 && static_cast<size_t>(id) < tokenizer.vocab_size()) add(tokenizer.token_of(id));
  }
  for (const std::string_view text : kTurnEnds) add(text);
  for (const std::string_view text : kRoleTokens) add(text);
  return markers;
}

std::optional<FoundMarker> find_marker(std::string_view text, size_t begin, size_t end,
                                       std::span<const EndMarker> markers, bool last) {
  for (const bool role_tokens : {false, true}) {
    std::optional<FoundMarker> found;
    size_t at = 0;
    for (const EndMarker& marker : markers) {
      if (marker.role_token != role_tokens) continue;
      const size_t hit = last ? (end == 0 ? std::string_view::npos : text.rfind(marker.text, end - 1))
                              : text.find(marker.text, begin);
      if (hit == std::string_view::npos || hit < begin || hit >= end) continue;
      const bool better = !found || (last ? hit > at : hit < at);
      if (!better) continue;
      at = hit;
      found = FoundMarker{hit + marker.text.size(), &marker};
    }
    if (found) return found;
  }
  return std::nullopt;
}

}  // namespace swift::data
