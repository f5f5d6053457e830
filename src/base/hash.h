// A short name for a text, to see that it changed. Not for secrets.
#pragma once
#include <string>
#include <string_view>

namespace swift::base {

// FNV-1a, 64 bits, as 16 hex digits.
std::string fnv1a_hex(std::string_view text);

}  // namespace swift::base
