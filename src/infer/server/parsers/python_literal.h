// Literals of Python as JSON.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace swift::infer::server {

// Reads numbers, texts, True, False, None, lists, tuples and dicts, at most 64 levels deep. Moves `at` behind
// the literal. None for anything else.
std::optional<base::Json> python_literal(std::string_view text, size_t& at);

// An identifier with dots, or empty.
std::string python_name(std::string_view text, size_t& at);

void skip_blanks(std::string_view text, size_t& at);

}  // namespace swift::infer::server
