#include "train/rewards/maths.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace swift::train::rewards {
namespace {

constexpr int kDeepest = 64;  // parentheses
constexpr size_t kLongest = 4096;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string trimmed(std::string_view text) {
  const char* blanks = " \t\r\n";
  const size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(blanks) - first + 1));
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

// End of the braces that open at `open`, or npos.
size_t closing_brace(std::string_view text, size_t open) {
  int depth = 0;
  for (size_t i = open; i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return i;
  }
  return std::string_view::npos;
}

// \frac{a}{b} to ((a)/(b)).
void rewrite_fractions(std::string& text) {
  for (size_t at = text.rfind("\\frac{"); at != std::string::npos; at = text.rfind("\\frac{")) {
    const size_t first = at + 5, middle = closing_brace(text, first);
    if (middle == std::string::npos || middle + 1 >= text.size() || text[middle + 1] != '{') return;
    const size_t last = closing_brace(text, middle + 1);
    if (last == std::string::npos) return;
    const std::string above = text.substr(first + 1, middle - first - 1);
    const std::string below = text.substr(middle + 2, last - middle - 2);
    text.replace(at, last - at + 1, "((" + above + ")/(" + below + "))");
  }
}

std::string plain_expression(std::string_view given) {
  std::string text(given);
  constexpr std::array<std::pair<std::string_view, std::string_view>, 19> kWords = {{
      {"\\dfrac", "\\frac"},
      {"\\tfrac", "\\frac"},
      {"\\left", ""},
      {"\\right", ""},
      {"\\cdot", "*"},
      {"\\times", "*"},
      {"\\div", "/"},
      {"\\pi", "pi"},
      {"\\sqrt", "sqrt"},
      {"\\%", "%"},
      {"\\$", ""},
      {"$", ""},
      {"\\,", ""},
      {"\\!", ""},
      {"×", "*"},
      {"÷", "/"},
      {"·", "*"},
      {"−", "-"},
      {"π", "pi"},
  }};
  for (const auto& [from, to] : kWords) replace_all(text, from, to);
  rewrite_fractions(text);
  for (size_t at = text.find("\\text{"); at != std::string::npos; at = text.find("\\text{")) {
    const size_t end = closing_brace(text, at + 5);
    if (end == std::string::npos) break;
    text.erase(at, end - at + 1);
  }
  std::replace(text.begin(), text.end(), '{', '(');
  std::replace(text.begin(), text.end(), '}', ')');
  const size_t equals = text.rfind('=');
  if (equals != std::string::npos) text.erase(0, equals + 1);
  std::string result = trimmed(text);
  while (result.size() > 1 && result.back() == '.') result.pop_back();
  return result;
}

// Recursive descent: sum of products of powers.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  std::optional<double> parse() {
    const auto value = sum(0);
    blanks();
    return value && at_ == text_.size() && std::isfinite(*value) ? value : std::nullopt;
  }

 private:
  using Value = std::optional<double>;

  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    blanks();
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  Value sum(int depth) {
    Value left = product(depth);
    while (left) {
      const bool plus = take('+');
      if (!plus && !take('-')) return left;
      const Value right = product(depth);
      if (!right) return {};
      *left += plus ? *right : -*right;
    }
    return left;
  }

  Value product(int depth) {
    Value left = power(depth);
    while (left) {
      if (take('*')) {
        const Value right = power(depth);
        if (!right) return {};
        *left *= *right;
      } else if (take('/')) {
        const Value right = power(depth);
        if (!right || *right == 0) return {};
        *left /= *right;
      } else if (at_ < text_.size() && (text_[at_] == '(' || text_.substr(at_).starts_with("pi") ||
                                        text_.substr(at_).starts_with("sqrt"))) {
        const Value right = power(depth);  // 2pi, 3(4), 2sqrt(2)
        if (!right) return {};
        *left *= *right;
      } else {
        return left;
      }
    }
    return left;
  }

  Value power(int depth) {
    if (depth > kDeepest) return {};
    if (take('-')) {
      const Value value = power(depth + 1);
      return value ? Value(-*value) : Value();
    }
    if (take('+')) return power(depth + 1);
    const Value base = atom(depth);
    if (!base) return {};
    if (!take('^')) return base;
    const Value exponent = power(depth + 1);
    return exponent ? Value(std::pow(*base, *exponent)) : Value();
  }

  Value atom(int depth) {
    Value value;
    if (take('(')) {
      value = sum(depth + 1);
      if (!value || !take(')')) return {};
    } else if (take_word("sqrt")) {
      if (!take('(')) return {};
      value = sum(depth + 1);
      if (!value || *value < 0 || !take(')')) return {};
      value = std::sqrt(*value);
    } else if (take_word("pi")) {
      value = M_PI;
    } else {
      value = number();
    }
    if (value && take('%')) *value /= 100;
    return value;
  }

  // Digits with commas between groups of three, a fraction, an exponent.
  Value number() {
    blanks();
    std::string digits;
    const size_t begin = at_;
    while (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == ',')) {
      if (text_[at_] == ',') {
        const bool group = !digits.empty() && at_ + 3 < text_.size() && is_digit(text_[at_ + 1]) &&
                           is_digit(text_[at_ + 2]) && is_digit(text_[at_ + 3]) &&
                           (at_ + 4 >= text_.size() || !is_digit(text_[at_ + 4]));
        if (!group) break;
      } else {
        digits += text_[at_];
      }
      ++at_;
    }
    if (at_ < text_.size() && text_[at_] == '.') {
      digits += text_[at_++];
      while (at_ < text_.size() && is_digit(text_[at_])) digits += text_[at_++];
    }
    if (digits.empty() || digits == ".") return {};
    const bool exponent = at_ > begin && at_ + 1 < text_.size() && (text_[at_] == 'e' || text_[at_] == 'E') &&
                          (is_digit(text_[at_ + 1]) ||
                           (at_ + 2 < text_.size() && (text_[at_ + 1] == '-' || text_[at_ + 1] == '+') &&
                            is_digit(text_[at_ + 2])));
    if (exponent) {
      digits += text_[at_++];
      digits += text_[at_++];
      while (at_ < text_.size() && is_digit(text_[at_])) digits += text_[at_++];
    }
    return std::strtod(digits.c_str(), nullptr);
  }

  std::string_view text_;
  size_t at_ = 0;
};

// The last number of a text with its sign, and the number it is divided by or a percent sign behind it.
std::string last_number(std::string_view text) {
  const auto part = [](char c) { return is_digit(c) || c == '.' || c == ',' || c == '/' || c == '%'; };
  size_t end = text.size();
  while (end > 0 && !is_digit(text[end - 1])) --end;
  if (end == 0) return {};
  size_t begin = end;
  while (begin > 0 && part(text[begin - 1])) --begin;
  while (begin < end && !is_digit(text[begin]) && text[begin] != '.') ++begin;
  if (begin > 0 && text[begin - 1] == '-' &&
      (begin == 1 || !std::isalnum(static_cast<unsigned char>(text[begin - 2]))))
    --begin;
  if (end < text.size() && text[end] == '%') ++end;
  return std::string(text.substr(begin, end - begin));
}

std::string plain_text(std::string_view given) {
  std::string text;
  for (const char c : trimmed(given)) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '$') continue;
    text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  while (!text.empty() && text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

std::string answer_of(std::string_view text) {
  const size_t open = text.find("<answer>");
  if (open != std::string_view::npos) {
    const size_t close = text.find("</answer>", open);
    if (close != std::string_view::npos) text = text.substr(open + 8, close - open - 8);
  }
  const size_t boxed = text.rfind("\\boxed{");
  if (boxed != std::string_view::npos) {
    const size_t end = closing_brace(text, boxed + 6);
    if (end != std::string_view::npos) return trimmed(text.substr(boxed + 7, end - boxed - 7));
  }
  const size_t hashes = text.rfind("####");
  if (hashes != std::string_view::npos) return trimmed(text.substr(hashes + 4));
  if (value_of(text)) return trimmed(text);
  const std::string number = last_number(text);
  return number.empty() ? trimmed(text) : number;
}

std::optional<double> value_of(std::string_view expression) {
  if (expression.size() > kLongest) return {};
  const std::string plain = plain_expression(expression);
  return plain.empty() ? std::nullopt : Parser(plain).parse();
}

bool same_answer(std::string_view a, std::string_view b) {
  const auto x = value_of(a), y = value_of(b);
  if (x && y) return std::abs(*x - *y) <= 1e-6 * std::max({1e-6, std::abs(*x), std::abs(*y)});
  const std::string left = plain_text(a);
  return !left.empty() && left == plain_text(b);
}

}  // namespace swift::train::rewards
