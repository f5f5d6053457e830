#include "text/grammar/decimal.h"

#include <fmt/format.h>

#include <algorithm>

namespace swift::text::grammar {

namespace {

ExpressionPtr digit(char first, char last) {
  return one_of({{static_cast<char32_t>(first), static_cast<char32_t>(last)}});
}

ExpressionPtr digits(size_t min, size_t max = Expression::no_limit) {
  return repeat(digit('0', '9'), min, max);
}

ExpressionPtr fraction_or_none() {
  return optional(sequence({literal("."), digits(1)}));
}

// Whole numbers with more digits than n.
ExpressionPtr longer(size_t n) {
  return sequence({digit('1', '9'), digits(n)});
}

// Whole numbers greater than `than`.
ExpressionPtr greater(const std::string& than) {
  std::vector<ExpressionPtr> parts{longer(than.size())};
  for (size_t i = 0; i < than.size(); ++i) {
    if (than[i] == '9') continue;
    parts.push_back(sequence({literal(than.substr(0, i)), digit(static_cast<char>(than[i] + 1), '9'),
                              digits(than.size() - i - 1, than.size() - i - 1)}));
  }
  return choice(std::move(parts));
}

// Whole numbers less than `than`.
ExpressionPtr less(const std::string& than) {
  const size_t n = than.size();
  std::vector<ExpressionPtr> parts;
  if (n > 1) {
    parts.push_back(literal("0"));
    parts.push_back(sequence({digit('1', '9'), digits(0, n - 2)}));
  }
  for (size_t i = 0; i < n; ++i) {
    const char lowest = i == 0 && n > 1 ? '1' : '0';
    if (than[i] <= lowest) continue;
    parts.push_back(sequence({literal(than.substr(0, i)), digit(lowest, static_cast<char>(than[i] - 1)),
                              digits(n - i - 1, n - i - 1)}));
  }
  return choice(std::move(parts));
}

// Fractions (with their point, or none) of a value of at least 0.digits.
ExpressionPtr fraction_at_least(const std::string& of, bool exclusive) {
  const ExpressionPtr not_zero = sequence({repeat(literal("0"), 0), digit('1', '9'), digits(0)});
  if (of.empty()) return exclusive ? sequence({literal("."), not_zero}) : fraction_or_none();
  std::vector<ExpressionPtr> parts;
  for (size_t i = 0; i < of.size(); ++i) {
    if (of[i] == '9') continue;
    parts.push_back(
        sequence({literal("." + of.substr(0, i)), digit(static_cast<char>(of[i] + 1), '9'), digits(0)}));
  }
  parts.push_back(sequence({literal("." + of), exclusive ? not_zero : digits(0)}));
  return choice(std::move(parts));
}

// Fractions of a value of at most 0.digits.
ExpressionPtr fraction_at_most(const std::string& of, bool exclusive) {
  std::vector<ExpressionPtr> parts;
  if (!of.empty() || !exclusive) {
    parts.push_back(literal(""));
    // A digit must follow the point; a value of zero has only zeros.
    if (of.empty()) parts.push_back(sequence({literal("."), repeat(literal("0"), 1)}));
  }
  for (size_t i = 0; i < of.size(); ++i) {
    if (i > 0) parts.push_back(literal("." + of.substr(0, i)));
    if (of[i] > '0')
      parts.push_back(
          sequence({literal("." + of.substr(0, i)), digit('0', static_cast<char>(of[i] - 1)), digits(0)}));
  }
  if (!of.empty() && !exclusive) parts.push_back(sequence({literal("." + of), repeat(literal("0"), 0)}));
  return choice(std::move(parts));
}

}  // namespace

Decimal Decimal::of(const base::Json& number) {
  Decimal result;
  std::string text = number.is_number_float() ? fmt::format("{}", number.get<double>()) : number.dump();
  if (text.front() == '-') {
    result.negative = true;
    text.erase(0, 1);
  }
  int exponent = 0;
  if (const size_t e = text.find('e'); e != std::string::npos) {
    exponent = std::stoi(text.substr(e + 1));
    text.erase(e);
  }
  const size_t point = std::min(text.find('.'), text.size());
  std::string all = text.substr(0, point) + (point < text.size() ? text.substr(point + 1) : "");
  const int whole_digits = static_cast<int>(point) + exponent;
  if (whole_digits <= 0) all.insert(0, static_cast<size_t>(1 - whole_digits), '0');
  const size_t split = static_cast<size_t>(std::max(1, whole_digits));
  if (all.size() < split) all.append(split - all.size(), '0');
  result.whole = all.substr(0, split);
  result.fraction = all.substr(split);
  result.whole.erase(0, std::min(result.whole.find_first_not_of('0'), result.whole.size() - 1));
  while (!result.fraction.empty() && result.fraction.back() == '0') result.fraction.pop_back();
  if (result.is_zero()) result.negative = false;
  return result;
}

Decimal Decimal::negated() const {
  Decimal result = *this;
  result.negative = !negative && !is_zero();
  return result;
}

int compare(const Decimal& a, const Decimal& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  const int sign = a.negative ? -1 : 1;
  if (a.whole.size() != b.whole.size()) return a.whole.size() < b.whole.size() ? -sign : sign;
  if (const int order = a.whole.compare(b.whole); order != 0) return order < 0 ? -sign : sign;
  const int order = a.fraction.compare(b.fraction);  // a longer fraction is the greater one
  return order == 0 ? 0 : order < 0 ? -sign : sign;
}

ExpressionPtr unsigned_numbers(bool whole) {
  const ExpressionPtr number = choice({literal("0"), longer(0)});
  if (whole) return number;
  // Doubles tell numbers of 15 digits apart: with more, one beyond a bound could be read as the bound.
  constexpr size_t kDigits = 15, kZeros = 9;
  std::vector<ExpressionPtr> forms = {
      number, sequence({literal("0."), repeat(literal("0"), 0, kZeros), digits(1, kDigits)})};
  for (size_t before = 1; before < kDigits; ++before) {
    forms.push_back(sequence(
        {digit('1', '9'), digits(before - 1, before - 1), literal("."), digits(1, kDigits - before)}));
  }
  return choice(std::move(forms));
}

ExpressionPtr at_least(const Bound& bound, bool whole) {
  const Decimal& value = bound.value;
  const ExpressionPtr above = greater(value.whole);
  if (whole) {
    if (bound.exclusive || !value.is_whole()) return above;
    return choice({above, literal(value.whole)});
  }
  return choice({sequence({above, fraction_or_none()}),
                 sequence({literal(value.whole), fraction_at_least(value.fraction, bound.exclusive)})});
}

ExpressionPtr at_most(const Bound& bound, bool whole) {
  const Decimal& value = bound.value;
  const ExpressionPtr below = less(value.whole);
  if (whole) {
    if (bound.exclusive && value.is_whole()) return below;
    return choice({below, literal(value.whole)});
  }
  return choice({sequence({below, fraction_or_none()}),
                 sequence({literal(value.whole), fraction_at_most(value.fraction, bound.exclusive)})});
}

Automaton multiples(uint64_t divisor, Budget& budget) {
  Automaton result;
  budget.add_states(divisor + 2);
  // State 0: nothing read; state 1: "0"; state 2 + r: a number that leaves the remainder r.
  result.states.resize(divisor + 2);
  const auto add = [&](StateId from, uint64_t remainder, int first) {
    for (int d = first; d <= 9; ++d) {
      const auto byte = static_cast<uint8_t>('0' + d);
      const auto to = static_cast<StateId>(2 + (remainder * 10 + static_cast<uint64_t>(d)) % divisor);
      result.states[from].bytes.push_back({byte, byte, to});
    }
  };
  result.states[0].bytes.push_back({'0', '0', 1});
  add(0, 0, 1);
  for (uint64_t r = 0; r < divisor; ++r) add(static_cast<StateId>(2 + r), r, 0);
  result.states[1].final = true;
  result.states[2].final = true;
  return result;
}

}  // namespace swift::text::grammar
