// A parsed pattern, before anchors have been resolved.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "text/grammar/budget.h"
#include "text/grammar/code_points.h"
#include "text/grammar/expression.h"

namespace swift::text::grammar {

struct RegexNode {
  enum class Kind { characters, sequence, choice, repeat, begin, end };
  Kind kind;
  CodePoints characters;
  std::vector<RegexNode> parts;  // a choice's are sequences
  size_t min = 0;
  size_t max = 0;  // Expression::no_limit
  size_t position = 0;
};

[[noreturn]] void refuse_regex(const std::string& what, size_t position);

// dot: what '.' stands for.
RegexNode parse_regex_tree(std::string_view pattern, const CodePoints& dot, const Budget& budget);

// One character, or a class such as \d, after a backslash.
struct RegexEscape {
  CodePoints characters;
  bool single = true;
};
// at: index after the backslash, moved past the escape. in_class: inside [...].
RegexEscape parse_regex_escape(std::u32string_view pattern, size_t& at, bool in_class);
// at: index after '[', moved past ']'.
CodePoints parse_regex_class(std::u32string_view pattern, size_t& at);

}  // namespace swift::text::grammar
