#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "text/grammar/regex_tree.h"
#include "text/unicode.h"

namespace swift::text::grammar {

namespace {

constexpr size_t most_repetitions = 1'000'000'000;  // far past any budget of states

class Parser {
 public:
  Parser(std::u32string_view pattern, const CodePoints& dot, const Budget& budget)
      : pattern_(pattern), dot_(dot), budget_(budget) {}

  RegexNode whole() {
    RegexNode result = choice(0);
    if (at_ < pattern_.size()) refuse_regex("')' without '('", at_ + 1);
    return result;
  }

 private:
  bool is(char32_t c) const { return at_ < pattern_.size() && pattern_[at_] == c; }
  bool take(std::u32string_view text) {
    if (pattern_.substr(at_, text.size()) != text) return false;
    at_ += text.size();
    return true;
  }

  RegexNode choice(int depth) {
    budget_.check_depth(depth);
    RegexNode result{RegexNode::Kind::choice};
    result.position = at_ + 1;
    do result.parts.push_back(branch(depth));
    while (take(U"|"));
    return result;
  }

  RegexNode branch(int depth) {
    RegexNode result{RegexNode::Kind::sequence};
    result.position = at_ + 1;
    while (at_ < pattern_.size() && !is('|') && !is(')')) {
      RegexNode part = atom(depth);
      const bool is_anchor = part.kind == RegexNode::Kind::begin || part.kind == RegexNode::Kind::end;
      const size_t position = at_ + 1;
      if (quantifier(part)) {
        if (is_anchor) refuse_regex("an anchor cannot be repeated", position);
        if (is('*') || is('+') || is('{')) {
          const size_t again = at_ + 1;
          RegexNode ignored{RegexNode::Kind::sequence};
          if (is('+')) refuse_regex("possessive quantifiers are not supported", again);
          if (quantifier(ignored)) refuse_regex("a quantifier after a quantifier", again);
        }
      }
      result.parts.push_back(std::move(part));
    }
    return result;
  }

  RegexNode atom(int depth) {
    RegexNode result{RegexNode::Kind::characters};
    result.position = at_ + 1;
    const char32_t c = pattern_[at_++];
    switch (c) {
      case '(':
        return group(depth);
      case '[':
        result.characters = parse_regex_class(pattern_, at_);
        return result;
      case '.':
        result.characters = dot_;
        return result;
      case '^':
        result.kind = RegexNode::Kind::begin;
        return result;
      case '$':
        result.kind = RegexNode::Kind::end;
        return result;
      case '\\':
        if (is('A')) result.kind = RegexNode::Kind::begin;
        if (is('Z') || is('z')) result.kind = RegexNode::Kind::end;
        if (result.kind != RegexNode::Kind::characters)
          ++at_;
        else
          result.characters = parse_regex_escape(pattern_, at_, false).characters;
        return result;
      case '*':
      case '+':
      case '?':
        refuse_regex("nothing to repeat", at_);
      default:
        result.characters.add(c, c);
        return result;
    }
  }

  RegexNode group(int depth) {
    const size_t begin = at_;
    if (take(U"?")) {
      if (take(U"=") || take(U"!")) refuse_regex("lookahead is not supported", begin);
      if (take(U"<=") || take(U"<!")) refuse_regex("lookbehind is not supported", begin);
      if (take(U"P=")) refuse_regex("backreferences are not supported", begin);
      if (take(U">")) refuse_regex("atomic groups are not supported", begin);
      if (take(U"P<") || take(U"<")) {
        while (at_ < pattern_.size() && !is('>')) ++at_;
        if (!take(U">")) refuse_regex("a group's name is never closed", begin);
      } else if (!take(U":")) {
        refuse_regex("inline flags and extensions '(?...' are not supported", begin);
      }
    }
    RegexNode result = choice(depth + 1);
    if (!take(U")")) refuse_regex("'(' is never closed", begin);
    return result;
  }

  size_t number() {
    size_t value = 0;
    while (at_ < pattern_.size() && pattern_[at_] >= '0' && pattern_[at_] <= '9')
      value = std::min<size_t>(most_repetitions, value * 10 + (pattern_[at_++] - '0'));
    return value;
  }

  // {m}, {m,}, {m,n} or {,n}; anything else is text and stays.
  bool braces(size_t& min, size_t& max) {
    const size_t begin = at_;
    ++at_;
    const size_t first = at_;
    min = number();
    const bool has_min = at_ > first;
    max = min;
    bool known = has_min;
    if (take(U",")) {
      const size_t second = at_;
      max = number();
      known = has_min || at_ > second;
      if (at_ == second) max = Expression::no_limit;
    }
    if (!known || !take(U"}")) {
      at_ = begin;
      return false;
    }
    if (max < min) refuse_regex("a repetition's limits are in the wrong order", begin + 1);
    return true;
  }

  // Wraps the node in the quantifier that follows, if one does.
  bool quantifier(RegexNode& node) {
    size_t min = 0;
    size_t max = Expression::no_limit;
    if (is('{')) {
      if (!braces(min, max)) return false;
    } else if (take(U"+")) {
      min = 1;
    } else if (take(U"?")) {
      max = 1;
    } else if (!take(U"*")) {
      return false;
    }
    take(U"?");
    RegexNode result{RegexNode::Kind::repeat};
    result.position = node.position;
    result.min = min;
    result.max = max;
    result.parts.push_back(std::move(node));
    node = std::move(result);
    return true;
  }

  std::u32string_view pattern_;
  const CodePoints& dot_;
  const Budget& budget_;
  size_t at_ = 0;
};

}  // namespace

void refuse_regex(const std::string& what, size_t position) {
  throw base::Error(base::ExitCode::usage, fmt::format("invalid regex at character {}: {}", position, what),
                    {}, "write the pattern without it");
}

RegexNode parse_regex_tree(std::string_view pattern, const CodePoints& dot, const Budget& budget) {
  if (!is_valid_utf8(pattern)) refuse_regex("the pattern is not valid UTF-8", 1);
  std::u32string characters;
  for (size_t at = 0; at < pattern.size();) characters.push_back(next_code_point(pattern, at));
  return Parser(characters, dot, budget).whole();
}

}  // namespace swift::text::grammar
