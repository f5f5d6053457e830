// Parts of str's methods that filters and tests share.
#pragma once
#include <string>
#include <string_view>

#include "text/jinja/callables.h"

namespace swift::text::jinja {

// str.isupper and str.islower.
bool is_upper_cased(std::string_view text);
bool is_lower_cased(std::string_view text);

// Pads to a width in code points: side -1 as ljust, 0 as center, 1 as rjust.
Value align_text(Runtime& rt, const Value& text, int64_t width, const std::string& fill, int side);

// str.replace; a negative count replaces all.
std::string replace_text(Runtime& rt, const std::string& text, const std::string& from, const std::string& to,
                         int64_t count);

// Methods that search and split; nullptr when there is none of this name.
MethodFn find_search_method(std::string_view name);

}  // namespace swift::text::jinja
