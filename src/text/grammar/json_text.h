// How JSON is written by the grammars here.
#pragma once
#include <string>

#include "base/json.h"
#include "text/grammar/expression.h"

namespace swift::text::grammar {

// Where JSON allows whitespace. Runs are bounded, so that an answer cannot go on in blanks for ever.
struct Whitespace {
  ExpressionPtr inside;  // after '{' and '[' and before '}' and ']'
  ExpressionPtr comma;   // after ','
  ExpressionPtr colon;   // after ':'
  static Whitespace of(bool indented);
};

// One character of a string: itself, or any escape that JSON has for a character.
ExpressionPtr any_string_character();
// The value with strings in their shortest form.
ExpressionPtr json_value(const base::Json& value, const Whitespace& whitespace);
ExpressionPtr json_string(const std::string& text);
// Strings in quotes whose decoded text the automaton takes. Characters stand for themselves, save those that
// JSON must escape: these have their short form; control characters without one are left out.
ExpressionPtr json_strings(const Automaton& decoded);
// Numbers without bounds; exponents are of two digits, so that readers can hold the value.
ExpressionPtr any_number(bool whole);

}  // namespace swift::text::grammar
