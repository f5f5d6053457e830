// Looking for tags in text that comes in pieces.
#pragma once
#include <string_view>

namespace swift::infer::server {

// Length of the longest end of the text that is a proper beginning of the tag.
inline size_t partial_suffix(std::string_view text, std::string_view tag) {
  const size_t most = text.size() < tag.size() ? text.size() : tag.size() - 1;
  for (size_t length = most; length > 0; --length) {
    if (text.substr(text.size() - length) == tag.substr(0, length)) return length;
  }
  return 0;
}

}  // namespace swift::infer::server
