// Which tokens end an assistant's turn.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace swift::data {

struct EndMarker {
  std::string text;
  int32_t id = 0;
  // A role token (GLM's <|user|>, <|observation|>): ends a turn only where nothing else does.
  bool role_token = false;
};

// The end-of-sequence ids of the model, and the end-of-turn tokens of public templates that this vocabulary
// has. Only what the tokenizer reads as one token counts.
std::vector<EndMarker> end_markers(const text::Tokenizer& tokenizer, std::span<const int32_t> eos_token_ids);

// The first (or last) marker that begins in bytes [begin, end) of the text: its place after the marker, and
// which. Role tokens count only when no other marker is there.
struct FoundMarker {
  size_t end = 0;
  const EndMarker* marker = nullptr;
};
std::optional<FoundMarker> find_marker(std::string_view text, size_t begin, size_t end,
                                       std::span<const EndMarker> markers, bool last);

}  // namespace swift::data
