// Grammars in the notation of llama.cpp (GBNF), which other servers take too:
//   root  ::= "yes" | "no " reason     # a comment
//   reason ::= [a-z]+ ("," [^\n"]{1,20})? .
// Rules are name ::= alternatives; parts are "text", [class], '.', names and ( ), each with * + ? {m} {m,}
// {m,n}. Escapes: \n \r \t \\ \" \[ \] \xHH \uHHHH \UHHHHHHHH. A rule ends where the next begins; order does
// not matter.
#include <fmt/format.h>

#include <map>

#include "base/error.h"
#include "text/grammar/expression.h"
#include "text/grammar/grammar.h"
#include "text/grammar/program.h"
#include "text/unicode.h"

namespace swift::text::grammar {

namespace {

constexpr size_t most_repetitions = 1'000'000'000;

class GrammarParser {
 public:
  GrammarParser(std::string_view text, Budget& budget) : text_(text), budget_(budget) {}

  Program program() {
    rule_of("root");
    skip_blanks();
    while (at_ < text_.size()) rule();
    for (const auto& [name, id] : ids_) {
      if (!bodies_[id]) fail(fmt::format("rule '{}' is used but not defined", name), used_[id]);
    }
    std::vector<Automaton> rules;
    for (const ExpressionPtr& body : bodies_) rules.push_back(automaton_of(body, budget_));
    return link(std::move(rules), names_);
  }

 private:
  [[noreturn]] void fail(const std::string& what, size_t position) const {
    int line = 1;
    int column = 1;
    for (size_t i = 0; i < position && i < text_.size(); ++i) {
      ++column;
      if (text_[i] == '\n') {
        ++line;
        column = 1;
      }
    }
    throw base::Error(base::ExitCode::usage,
                      fmt::format("invalid grammar at line {}, column {}: {}", line, column, what), {},
                      "rules are written: name ::= \"text\" | [a-z]+ other");
  }

  void skip_blanks() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#')
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      else if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        ++at_;
      else
        return;
    }
  }
  bool is(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool take(std::string_view token) {
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    skip_blanks();
    return true;
  }

  static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  }
  std::string_view name() {
    const size_t begin = at_;
    while (at_ < text_.size() && is_name(text_[at_])) ++at_;
    const std::string_view result = text_.substr(begin, at_ - begin);
    skip_blanks();
    return result;
  }
  // Whether a rule begins here: a name and "::=".
  bool at_rule() {
    const size_t begin = at_;
    const bool result = !name().empty() && text_.substr(at_, 3) == "::=";
    at_ = begin;
    return result;
  }

  RuleId rule_of(std::string_view rule_name) {
    const auto [found, added] = ids_.try_emplace(std::string(rule_name), static_cast<RuleId>(bodies_.size()));
    if (added) {
      budget_.add_states();
      bodies_.emplace_back();
      names_.emplace_back(rule_name);
      used_.push_back(at_);
    }
    return found->second;
  }

  void rule() {
    const size_t begin = at_;
    const std::string_view rule_name = name();
    if (rule_name.empty()) fail("a rule's name is expected", begin);
    if (!take("::=")) fail("'::=' is expected after the name", at_);
    const RuleId id = rule_of(rule_name);
    if (bodies_[id]) fail(fmt::format("rule '{}' is defined twice", rule_name), begin);
    ExpressionPtr body = alternatives(0);
    bodies_[id] = std::move(body);
    if (at_ < text_.size() && !at_rule()) fail("unexpected text", at_);
  }

  ExpressionPtr alternatives(int depth) {
    budget_.check_depth(depth);
    std::vector<ExpressionPtr> parts;
    do parts.push_back(parts_in_order(depth));
    while (take("|"));
    return choice(std::move(parts));
  }

  ExpressionPtr parts_in_order(int depth) {
    std::vector<ExpressionPtr> parts;
    while (at_ < text_.size() && !is('|') && !is(')') && !(is_name(text_[at_]) && at_rule()))
      parts.push_back(quantified(part(depth)));
    return sequence(std::move(parts));
  }

  ExpressionPtr part(int depth) {
    const size_t begin = at_;
    if (is('"')) return text_literal();
    if (is('[')) return character_class();
    if (take(".")) return one_of(CodePoints::any());
    if (take("(")) {
      ExpressionPtr inner = alternatives(depth + 1);
      if (!take(")")) fail("'(' is never closed", begin);
      return inner;
    }
    if (is_name(text_[at_])) {
      const std::string_view rule_name = name();
      return call(rule_of(rule_name));
    }
    fail("unexpected character", begin);
  }

  char32_t character() {
    if (at_ >= text_.size()) fail("the text ends too early", at_);
    if (text_[at_] != '\\') return next_code_point(text_, at_);
    const size_t begin = at_++;
    if (at_ >= text_.size()) fail("the text ends too early", begin);
    const char c = text_[at_++];
    switch (c) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'x':
        return hexadecimal(2, begin);
      case 'u':
        return hexadecimal(4, begin);
      case 'U':
        return hexadecimal(8, begin);
      case '\\':
      case '"':
      case '[':
      case ']':
      case '-':
      case '^':
      case '\'':
      case '/':
        return static_cast<char32_t>(c);
      default:
        fail("unknown escape", begin);
    }
  }

  char32_t hexadecimal(int count, size_t begin) {
    char32_t value = 0;
    for (int i = 0; i < count; ++i, ++at_) {
      const char c = at_ < text_.size() ? text_[at_] : ' ';
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail(fmt::format("{} hexadecimal digits must follow", count), begin);
      value = value * 16 + static_cast<char32_t>(digit);
    }
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) fail("not a Unicode character", begin);
    return value;
  }

  ExpressionPtr text_literal() {
    const size_t begin = at_++;
    std::string bytes;
    while (at_ < text_.size() && !is('"')) append_utf8(bytes, character());
    if (!take("\"")) fail("the text is never closed", begin);
    return literal(std::move(bytes));
  }

  ExpressionPtr character_class() {
    const size_t begin = at_++;
    CodePoints set;
    const bool negated = is('^');
    if (negated) ++at_;
    while (at_ < text_.size() && !is(']')) {
      const size_t position = at_;
      const char32_t first = character();
      char32_t last = first;
      if (is('-') && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        last = character();
      }
      if (last < first) fail("the range ends before it begins", position);
      set.add(first, last);
    }
    if (!take("]")) fail("'[' is never closed", begin);
    return one_of(negated ? set.complement() : set);
  }

  size_t number() {
    const size_t begin = at_;
    size_t value = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9')
      value = std::min(most_repetitions, value * 10 + static_cast<size_t>(text_[at_++] - '0'));
    if (at_ == begin) fail("a number is expected", begin);
    skip_blanks();
    return value;
  }

  ExpressionPtr quantified(ExpressionPtr part) {
    for (int count = 0;; ++count) {
      if (count > 8) fail("too many quantifiers in a row", at_);
      const size_t begin = at_;
      if (take("*")) {
        part = repeat(std::move(part), 0);
      } else if (take("+")) {
        part = repeat(std::move(part), 1);
      } else if (take("?")) {
        part = optional(std::move(part));
      } else if (take("{")) {
        const size_t min = is(',') ? 0 : number();
        size_t max = min;
        if (take(",")) max = is('}') ? Expression::no_limit : number();
        if (!take("}")) fail("'{' is never closed", begin);
        if (max < min) fail("a repetition's limits are in the wrong order", begin);
        part = repeat(std::move(part), min, max);
      } else {
        return part;
      }
    }
  }

  std::string_view text_;
  Budget& budget_;
  size_t at_ = 0;
  std::map<std::string, RuleId, std::less<>> ids_;
  std::vector<ExpressionPtr> bodies_;
  std::vector<std::string> names_;
  std::vector<size_t> used_;  // where each rule was met first
};

}  // namespace

}  // namespace swift::text::grammar

namespace swift::text {

std::shared_ptr<const Grammar> compile_grammar(std::string_view text, const CompileLimits& limits) {
  if (!is_valid_utf8(text))
    throw base::Error(base::ExitCode::usage, "the grammar is not valid UTF-8", {}, "save it as UTF-8");
  grammar::Budget budget(limits);
  return std::make_shared<const Grammar>(grammar::GrammarParser(text, budget).program());
}

}  // namespace swift::text
