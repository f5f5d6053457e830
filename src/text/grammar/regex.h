// Regular expressions as users write them for Python, ECMAScript or PCRE, without what is not regular.
//
// Known: literals in UTF-8, '.', classes, \d \w \s and their complements (ASCII), \n \r \t \f \v \0 \xHH
// \uHHHH \u{...}, groups (also named and non-capturing), alternation, the quantifiers * + ? {m} {m,} {m,n}
// {,n} (lazy ones are the same language), ^ and $ (\A \Z) at the ends of a branch. Refused by name:
// lookaround, backreferences, word boundaries, inline flags, atomic groups, possessive quantifiers, \p.
#pragma once
#include <string_view>

#include "text/grammar/expression.h"

namespace swift::text::grammar {

enum class RegexMode {
  whole,   // texts that match from beginning to end; '.' is anything but \n, as in Python
  search,  // texts in which it matches somewhere, as JSON Schema's `pattern`; '.' as in ECMAScript
};

// Throws base::Error(usage) with the character's position, counted from 1.
ExpressionPtr parse_regex(std::string_view pattern, RegexMode mode, const Budget& budget);

}  // namespace swift::text::grammar
