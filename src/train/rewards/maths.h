// Answers of arithmetic and school mathematics: which part of a text is the answer, and whether two answers
// are the same.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace swift::train::rewards {

// The answer inside of a text, by the first of these that is there: <answer>…</answer>, the last \boxed{…},
// what follows the last "####", the last number with what belongs to it (sign, fraction, percent), else the
// whole text.
std::string answer_of(std::string_view text);

// The value of an expression: decimal numbers (1,234.5, 1e-3, 50%), + - * / ^, parentheses, sqrt(), pi,
// mixed numbers are not known; × ÷ · − and LaTeX's \frac{a}{b}, \sqrt{a}, \cdot, \times, \div, \pi, \left,
// \right, \text{…}, $ are read too. Of an equation the right side counts. Nothing when any of it is something
// else.
std::optional<double> value_of(std::string_view expression);

// Both have a value and these agree to 1e-6 relative; else the texts agree without case, blanks, $, and a
// full stop at the end.
bool same_answer(std::string_view a, std::string_view b);

}  // namespace swift::train::rewards
