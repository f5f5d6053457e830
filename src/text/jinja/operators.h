// Python's arithmetic on template values.
#pragma once
#include "text/jinja/ast.h"

namespace swift::text::jinja {

// a + b, - * / // % **. Throws Fault for unsupported types, division by zero and results beyond 64 bits.
Value arithmetic(Runtime& rt, Op op, const Value& a, const Value& b);
// -a and +a.
Value signed_value(Op op, const Value& a);

// text % values, Python's printf-style formatting.
Value format_percent(Runtime& rt, const Value& format, const Value& values);
// text.format(…).
Value format_braces(Runtime& rt, const Value& format, const Args& args);
// format(value, spec): one replacement field.
std::string format_value(Runtime& rt, const Value& value, std::string_view spec);

}  // namespace swift::text::jinja
