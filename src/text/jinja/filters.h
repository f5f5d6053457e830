// The filters of jinja2, with transformers' tojson.
#pragma once
#include <string_view>

#include "text/jinja/value.h"

namespace swift::text::jinja {

using FilterFn = Value (*)(Runtime& rt, const Value& subject, Args& args);

struct NamedFilter {
  std::string_view name;
  FilterFn function;
};

// nullptr when there is no filter of this name.
FilterFn find_filter(std::string_view name);

// environment.getitem along a dotted path ("a.b.0") or an integer; jinja2's make_attrgetter. An absent
// `fallback` (missing) leaves undefined values as they are.
Value attribute_path(Runtime& rt, Value item, const Value& path, const Value& fallback = Value());

}  // namespace swift::text::jinja
