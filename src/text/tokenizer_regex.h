// Patterns of tokenizer.json on PCRE2 with JIT. They are written for Oniguruma; what means something else in
// PCRE2 is rewritten (\s, \w, \h), and what cannot be is refused.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_file.h"

namespace swift::text {

struct Match {
  size_t begin = 0;
  size_t end = 0;
};

// Memory of one search at a time; a thread owns it while it matches.
class RegexScratch {
 public:
  RegexScratch();

 private:
  friend class Regex;
  struct Memory;
  struct Free {
    void operator()(Memory* memory) const;
  };
  std::unique_ptr<Memory, Free> memory_;
};

// Immutable after compiling; may be used by several threads, each with its own scratch.
class Regex {
 public:
  // {"Regex": "…"} or {"String": "…"}, as Split and Replace have it. Throws Error(model) with the pattern.
  static Regex from_node(const Node& pattern);
  static Regex compile(const std::string& pattern, bool literal, const Node& where);

  // All matches from left to right in valid UTF-8, as onig's find_iter: an empty match that touches the end
  // of the one before does not count. Throws Error(data) when a search passes PCRE2's limits.
  void find_all(std::string_view text, RegexScratch& scratch, std::vector<Match>& matches) const;

  const std::string& pattern() const { return pattern_; }

 private:
  std::string pattern_;
  std::shared_ptr<void> code_;
};

// The pattern in PCRE2's syntax. Throws Error(model) at a construct that has no equal there.
std::string oniguruma_to_pcre2(const std::string& pattern, const Node& where);

}  // namespace swift::text
