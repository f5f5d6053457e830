// The word patterns of GPT-2, Llama 3 and Qwen2, each as a loop over characters: same words as the regular
// expression, several times faster, and in time linear in the text.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "text/tokenizer_regex.h"

namespace swift::text {

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+, built into ByteLevel.
extern const std::string_view kGpt2Pattern;
// (?i:'s|…)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
extern const std::string_view kLlama3Pattern;
// The same with \p{N}: every digit is a word of its own.
extern const std::string_view kQwen2Pattern;

class WordScanner {
 public:
  // Nothing when the pattern is not one of the above.
  static std::optional<WordScanner> for_pattern(std::string_view pattern);
  // Appends the words of text[begin, end) (valid UTF-8); together they cover it.
  void split(std::string_view text, size_t begin, size_t end, std::vector<Match>& words) const;

 private:
  bool gpt2_ = false;
  int most_digits_ = 1;  // per word; not used by GPT-2's pattern
};

}  // namespace swift::text
