// Lists written as text in a CSV cell: JSON, or Python's repr() of nested lists and strings.
#pragma once
#include <optional>
#include <string_view>

#include "base/json.h"

namespace swift::data {

// The list, or nothing when the text is neither form. Python strings take '…' and "…" with the escapes
// \n \r \t \\ \' \" and None; at most 8 levels of nesting.
std::optional<base::Json> parse_list_text(std::string_view text);

}  // namespace swift::data
