// Numbers and strings under a schema's facts.
#pragma once
#include <optional>
#include <string>

#include "text/grammar/facts.h"

namespace swift::text::grammar {

// Numbers of the types (type_whole, type_number) within bounds and divisors, as JSON writes them: whole ones
// without fraction or exponent, those with bounds without exponent.
ExpressionPtr schema_numbers(const Facts& facts, bool whole, Budget& budget);

// Whether patterns or known formats limit the text: then it takes an automaton, not just a count.
bool limits_text(const Facts& facts);
// Texts, as decoded from JSON, that fit pattern, format and length.
Automaton schema_texts(const Facts& facts, Budget& budget);
// Texts in which the pattern matches somewhere.
Automaton pattern_texts(const std::string& pattern, const std::string& pointer, Budget& budget);

// The regex of the decoded text of a format, or null when the format is an annotation here.
const char* format_regex(const std::string& format);

}  // namespace swift::text::grammar
