// Python's ==, <, in and hash() for template values.
#pragma once
#include <string_view>

#include "text/jinja/value.h"

namespace swift::text::jinja {

bool equal(Runtime& rt, const Value& a, const Value& b);
// a < b; symbol is the operator named in the Fault for types without an order.
bool less(Runtime& rt, const Value& a, const Value& b, const char* symbol = "<");
// needle in haystack. Throws Fault when haystack is no container.
bool contains(Runtime& rt, const Value& haystack, const Value& needle);
// Equal values have equal hashes. Throws Fault for unhashable values (list, dict).
size_t hash_of(Runtime& rt, const Value& value);
size_t hash_of_text(std::string_view text);
bool hashable(const Value& value);

}  // namespace swift::text::jinja
