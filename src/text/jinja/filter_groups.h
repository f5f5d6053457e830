// The filters by subject; filters.cc joins them.
#pragma once
#include <span>

#include "text/jinja/callables.h"
#include "text/jinja/filters.h"

namespace swift::text::jinja {

std::span<const NamedFilter> text_filters();
std::span<const NamedFilter> number_filters();
std::span<const NamedFilter> sequence_filters();
std::span<const NamedFilter> order_filters();   // sorting, grouping, extremes
std::span<const NamedFilter> select_filters();  // map, select, reject

// soft_str: text as it is, other values as str() gives them.
Value soft_text(Runtime& rt, const Value& value);
// Strings in lower case, other values as they are.
Value ignore_case(Runtime& rt, const Value& value);

}  // namespace swift::text::jinja
