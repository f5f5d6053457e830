// Numbers as text and text as numbers, the way Python writes and reads them.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace swift::text::jinja {

// Digits of a magnitude in base 2 to 36.
std::string digits_of(uint64_t magnitude, int base, bool upper = false);
// C's %e, %f or %g of a value that is not negative.
std::string real_text(double value, char type, int precision, bool alternate = false);
// format(value, ".Nno-type"): like %g, but with at least one digit after the point.
std::string general_real_text(double value, int precision);

// int(text, base) and float(text); nothing where Python raises ValueError. `too_large` tells an integer that
// is right but beyond 64 bits.
std::optional<int64_t> parse_integer(std::string_view text, int base, bool& too_large);
std::optional<double> parse_real(std::string_view text);

// round(value, digits): half to even, on the exact decimal value.
double round_real(double value, int64_t digits);

}  // namespace swift::text::jinja
