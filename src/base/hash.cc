#include "base/hash.h"

#include <cstdint>

namespace swift::base {

std::string fnv1a_hex(std::string_view text) {
  uint64_t state = 0xcbf29ce484222325U;
  for (const char byte : text) state = (state ^ static_cast<unsigned char>(byte)) * 0x100000001b3U;
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string digits(16, '0');
  for (size_t i = 16; i-- > 0; state >>= 4) digits[i] = kDigits[state & 15];
  return digits;
}

}  // namespace swift::base
