// The "pre_tokenizer" of tokenizer.json: cuts text into the words that the model encodes one by one.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/pretokenizer_scan.h"
#include "text/tokenizer_file.h"
#include "text/tokenizer_regex.h"

namespace swift::text {

// What becomes of the matches of a Split.
enum class SplitBehavior { isolated, removed, merged_with_previous, merged_with_next, contiguous };

// Words as ranges of `text`, which is the input or, when it had to be rewritten, `storage`.
struct Words {
  std::string_view text;
  std::string storage;
  std::vector<Match> ranges;
  // Working memory.
  std::vector<Match> next_ranges;
  std::vector<Match> matches;
  std::vector<std::pair<Match, bool>> parts;
};

class PreTokenizer {
 public:
  PreTokenizer() = default;  // the whole text is one word
  // Throws Error(model) naming an unsupported kind and what is supported.
  static PreTokenizer from_node(const Node& node);

  // Cuts valid UTF-8; empty words are dropped.
  void run(std::string_view text, Words& words, RegexScratch& scratch) const;

  // True when words are bytes that stand for their characters in GPT-2's alphabet: ByteLevel comes last, and
  // its mapping is left to the model.
  bool words_are_bytes() const { return !steps_.empty() && steps_.back().kind == Kind::byte_level; }

 private:
  enum class Kind { split, digits, byte_level };
  struct Step {
    Kind kind;
    SplitBehavior behavior = SplitBehavior::isolated;
    bool invert = false;
    bool add_prefix_space = false;
    std::optional<Regex> pattern;        // of split
    std::optional<WordScanner> scanner;  // instead of the pattern
  };
  void add(const Node& node);
  void add_split(const Node& node);

  static void cut(const Step& step, Words& words, RegexScratch& scratch);
  static void rewrite(const Step& step, bool map_bytes, Words& words);

  std::vector<Step> steps_;
};

}  // namespace swift::text
