// Decimal numbers as they are written, of any length, and the texts that lie on one side of them.
#pragma once
#include <string>

#include "base/json.h"
#include "text/grammar/expression.h"

namespace swift::text::grammar {

struct Decimal {
  bool negative = false;
  std::string whole = "0";  // without leading zeros
  std::string fraction;     // without trailing zeros

  static Decimal of(const base::Json& number);
  bool is_zero() const { return whole == "0" && fraction.empty(); }
  bool is_whole() const { return fraction.empty(); }
  Decimal negated() const;
};
// < 0, 0 or > 0.
int compare(const Decimal& a, const Decimal& b);

struct Bound {
  Decimal value;
  bool exclusive = false;
};

// Texts of numbers without sign or exponent that are at least, or at most, the bound (>= 0), or beyond it
// when it is exclusive. whole: only whole numbers, without a fraction.
ExpressionPtr at_least(const Bound& bound, bool whole);
ExpressionPtr at_most(const Bound& bound, bool whole);
// All of them; those with a fraction have 15 digits at most.
ExpressionPtr unsigned_numbers(bool whole);
// Whole numbers that the divisor (> 0) divides, without a sign.
Automaton multiples(uint64_t divisor, Budget& budget);

}  // namespace swift::text::grammar
