// UTF-8 checks for files that are not JSON (whose parser checks them itself).
#pragma once
#include <cstddef>
#include <string_view>

namespace swift::data {

// Offset of the first byte that is not part of valid UTF-8 (RFC 3629), or npos.
size_t invalid_utf8(std::string_view text);

// The text without a leading byte-order mark.
std::string_view without_bom(std::string_view text);

}  // namespace swift::data
