// The functions every template has: range, namespace, dict, cycler, joiner, raise_exception, strftime_now.
#pragma once
#include <string>

#include "text/jinja/value.h"

namespace swift::text::jinja {

// The global of this name; missing when there is none.
Value find_global(const std::string& name);

}  // namespace swift::text::jinja
