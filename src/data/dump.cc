#include <fmt/format.h>

#include <algorithm>

#include "data/inspect.h"

namespace swift::data {
namespace {

constexpr const char* kGreen = "\x1b[32m";
constexpr const char* kGrey = "\x1b[90m";
constexpr const char* kPlain = "\x1b[0m";

// Data must not be able to drive the terminal: control characters but newline and tab are spelt out.
std::string printable(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const bool control = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F;
    // U+0080 to U+009F, two bytes in UTF-8, hold a second set of control characters.
    const bool second_set =
        c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (second_set)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[++i]));
    else if (control)
      out += fmt::format("\\x{:02x}", c);
    else
      out.push_back(text[i]);
  }
  return out;
}

}  // namespace

std::string coloured_dump(const Sample& sample, const text::Tokenizer& tokenizer, bool colour,
                          size_t max_tokens) {
  std::string out;
  const size_t size = sample.input_ids.size();
  const size_t shown = std::min(size, max_tokens);
  for (size_t begin = 0, end = 0; begin < shown; begin = end) {
    const bool trained = sample.labels[begin] != kIgnore;
    while (end < shown && (sample.labels[end] != kIgnore) == trained) ++end;
    const std::string text =
        printable(tokenizer.decode(std::span(sample.input_ids).subspan(begin, end - begin)));
    if (colour)
      out += (trained ? kGreen : kGrey) + text + kPlain;
    else
      out += trained ? "[[" + text + "]]" : text;
  }
  if (shown < size) out += fmt::format("… {} more tokens", size - shown);
  out += fmt::format("\n{}: {} tokens, {} trained", sample.where.str(), size, sample.trained_tokens());
  return out;
}

}  // namespace swift::data
