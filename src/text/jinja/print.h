// Python's str() and repr() of template values.
#pragma once
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace swift::text::jinja {

// str(value).
std::string to_text(Runtime& rt, const Value& value);
void append_text(Runtime& rt, const Value& value, std::string& out);
// repr(value).
void append_repr(Runtime& rt, const Value& value, std::string& out);
// repr() of a scalar for messages; other values give their type.
std::string short_repr(const Value& value);

std::string repr_of_real(double value);
// 'text' with Python's quotes and escapes.
std::string repr_of_text(std::string_view text);
// What ascii() makes of a repr(): code points beyond ASCII escaped.
std::string ascii_only(std::string_view repr);

// HTML escapes of & < > ' ".
std::string escape_html(std::string_view text);
// markupsafe.escape(value): Markup stays as it is.
Value escape(Runtime& rt, const Value& value);

}  // namespace swift::text::jinja
