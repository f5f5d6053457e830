// String building without fmt, for translation units that see torch (the wheel's fmt 12 shadows Debian's fmt
// 9).
#pragma once
#include <sstream>
#include <string>

namespace swift::base {

// cat("step ", 3, " of ", 10) == "step 3 of 10".
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

// "1.5 GiB", "12 MiB": binary units, one decimal below 10.
std::string human_bytes(double bytes);

// "1h02m", "3m05s", "12s".
std::string human_seconds(double seconds);

// Shortest text that reads back to the same double ("1e-05", "0.1").
std::string shortest(double value);

}  // namespace swift::base
