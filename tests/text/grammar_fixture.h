// Grammars driven by the bytes of a text.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "text/grammar/grammar.h"

namespace swift::text::golden {

// One token per byte, with the byte as its id.
inline std::shared_ptr<const Vocabulary> byte_vocabulary() {
  static const auto vocabulary = [] {
    std::vector<std::string> tokens;
    for (int b = 0; b < 256; ++b) tokens.emplace_back(1, static_cast<char>(b));
    return std::make_shared<const Vocabulary>(std::move(tokens));
  }();
  return vocabulary;
}

inline bool is_allowed(const std::vector<uint64_t>& words, int32_t token) {
  return (words[static_cast<size_t>(token) / 64] >> (token % 64) & 1) != 0;
}

// Whether the grammar has the text, and whether the masks on the way say the same as accept().
inline bool fits(const std::shared_ptr<const Grammar>& grammar, std::string_view text) {
  const auto state = matcher(grammar, byte_vocabulary());
  std::vector<uint64_t> words(byte_vocabulary()->words());
  for (const char c : text) {
    const int32_t token = static_cast<uint8_t>(c);
    state->allowed(words);
    const bool accepted = state->accept(token);
    if (accepted != is_allowed(words, token)) throw std::logic_error("a mask differs from accept()");
    if (!accepted) return false;
  }
  return state->may_end();
}

}  // namespace swift::text::golden
