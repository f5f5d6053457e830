#include "text/grammar/regex.h"

#include <algorithm>

#include "text/grammar/grammar.h"
#include "text/grammar/program.h"
#include "text/grammar/regex_tree.h"

namespace swift::text::grammar {

namespace {

using Kind = RegexNode::Kind;

bool has(const RegexNode& node, Kind kind) {
  return node.kind == kind || std::any_of(node.parts.begin(), node.parts.end(),
                                          [&](const RegexNode& part) { return has(part, kind); });
}

class Builder {
 public:
  explicit Builder(RegexMode mode) {
    if (mode == RegexMode::search) beyond_ = repeat(one_of(CodePoints::any()), 0);
  }

  // at_begin, at_end: nothing of the pattern comes before, or after, the node; there anchors may stand, and a
  // search lets other text stand where they do not.
  ExpressionPtr build(const RegexNode& node, bool at_begin, bool at_end) const {
    switch (node.kind) {
      case Kind::characters:
        return one_of(node.characters);
      case Kind::sequence:
        return build_sequence(node, at_begin, at_end);
      case Kind::choice: {
        std::vector<ExpressionPtr> parts;
        for (const RegexNode& part : node.parts) parts.push_back(build(part, at_begin, at_end));
        return choice(std::move(parts));
      }
      case Kind::repeat:
        return repeat(build(node.parts.front(), false, false), node.min, node.max);
      case Kind::begin:
        refuse_regex("'^' is supported only at the beginning of a branch", node.position);
      case Kind::end:
        refuse_regex("'$' is supported only at the end of a branch", node.position);
    }
    return nullptr;
  }

 private:
  ExpressionPtr build_sequence(const RegexNode& node, bool at_begin, bool at_end) const {
    size_t begin = 0;
    size_t end = node.parts.size();
    if (at_begin) {
      while (begin < end && node.parts[begin].kind == Kind::begin) ++begin;
    }
    if (at_end) {
      while (end > begin && node.parts[end - 1].kind == Kind::end) --end;
    }
    std::vector<ExpressionPtr> parts;
    // A group at the edge that has anchors of its own decides itself.
    const bool open_begin = at_begin && begin == 0;
    const bool open_end = at_end && end == node.parts.size();
    const auto decides = [&](size_t i, Kind kind) {
      return i < end && i >= begin && node.parts[i].kind == Kind::choice && has(node.parts[i], kind);
    };
    const bool inner_begin = open_begin && decides(begin, Kind::begin);
    const bool inner_end = open_end && end > begin && decides(end - 1, Kind::end);
    if (beyond_ && open_begin && !inner_begin) parts.push_back(beyond_);
    for (size_t i = begin; i < end; ++i)
      parts.push_back(build(node.parts[i], inner_begin && i == begin, inner_end && i + 1 == end));
    if (beyond_ && open_end && !inner_end) parts.push_back(beyond_);
    return sequence(std::move(parts));
  }

  ExpressionPtr beyond_;  // other text around a match; none when the match is the whole text
};

}  // namespace

ExpressionPtr parse_regex(std::string_view pattern, RegexMode mode, const Budget& budget) {
  const CodePoints line_ends =
      mode == RegexMode::whole ? CodePoints::of(U"\n") : CodePoints::of(U"\n\r\u2028\u2029");
  return Builder(mode).build(parse_regex_tree(pattern, line_ends.complement(), budget), true, true);
}

}  // namespace swift::text::grammar

namespace swift::text {

std::shared_ptr<const Grammar> compile_regex(std::string_view pattern, const CompileLimits& limits) {
  grammar::Budget budget(limits);
  const grammar::ExpressionPtr expression = parse_regex(pattern, grammar::RegexMode::whole, budget);
  return std::make_shared<const Grammar>(grammar::link({automaton_of(expression, budget)}, {"regex"}));
}

}  // namespace swift::text
