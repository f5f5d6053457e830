// The tests of jinja2: `value is name(arguments)`.
#pragma once
#include <string_view>

#include "text/jinja/value.h"

namespace swift::text::jinja {

using TestFn = bool (*)(Runtime& rt, const Value& subject, Args& args);

// nullptr when there is no test of this name.
TestFn find_test(std::string_view name);

}  // namespace swift::text::jinja
