#include "text/jinja/number_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "text/jinja/print.h"
#include "text/jinja/unicode.h"

namespace swift::text::jinja {
namespace {

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

// Removes underscores between digits; nothing when one stands elsewhere.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    const bool between = i > 0 && i + 1 < text.size() &&
                         std::isalnum(static_cast<unsigned char>(text[i - 1])) &&
                         std::isalnum(static_cast<unsigned char>(text[i + 1]));
    if (!between) return std::nullopt;
  }
  return out;
}

}  // namespace

std::string digits_of(uint64_t magnitude, int base, bool upper) {
  std::string out;
  do {
    const auto digit = static_cast<size_t>(magnitude % static_cast<uint64_t>(base));
    out += (upper ? "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" : "0123456789abcdefghijklmnopqrstuvwxyz")[digit];
    magnitude /= static_cast<uint64_t>(base);
  } while (magnitude);
  std::reverse(out.begin(), out.end());
  return out;
}

std::string real_text(double value, char type, int precision, bool alternate) {
  const char format[] = {'%', alternate ? '#' : '-', '.', '*', type, '\0'};
  const int size = std::snprintf(nullptr, 0, format, precision, value);
  std::string out(static_cast<size_t>(std::max(size, 0)) + 1, '\0');
  std::snprintf(out.data(), out.size(), format, precision, value);
  out.pop_back();
  return out;
}

std::string general_real_text(double value, int precision) {
  if (!std::isfinite(value)) return repr_of_real(value);
  const int digits = std::max(precision, 1);
  // %g, but the exponent form begins one digit earlier and a whole number keeps ".0".
  const std::string scientific = real_text(value, 'e', digits - 1);
  const int exponent = std::atoi(scientific.c_str() + scientific.find('e') + 1);
  std::string out = real_text(value, 'g', digits);
  if (exponent == digits - 1 && digits > 0 && out.find('e') == std::string::npos && value != 0) {
    std::string mantissa = scientific.substr(0, scientific.find('e'));
    if (mantissa.find('.') != std::string::npos) {
      while (mantissa.back() == '0') mantissa.pop_back();
      if (mantissa.back() == '.') mantissa.pop_back();
    }
    return mantissa + scientific.substr(scientific.find('e'));
  }
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

std::optional<int64_t> parse_integer(std::string_view text, int base, bool& too_large) {
  too_large = false;
  text = strip(text);
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  const char prefix = text.size() > 2 && text[0] == '0' ? static_cast<char>(text[1] | 0x20) : '\0';
  const int named = prefix == 'x' ? 16 : prefix == 'o' ? 8 : prefix == 'b' ? 2 : 0;
  if (named && (base == named || base == 0)) {
    text.remove_prefix(2);
    if (text[0] == '_') text.remove_prefix(1);
    base = named;
  }
  const auto digits = without_underscores(text);
  if (!digits || digits->empty() || base == 1 || base < 0 || base > 36) return std::nullopt;
  if (base == 0) {
    if ((*digits)[0] == '0' && digits->find_first_not_of('0') != std::string::npos) return std::nullopt;
    base = 10;
  }
  int64_t value = 0;
  for (const char c : *digits) {
    const int digit = digit_value(c);
    if (digit >= base) return std::nullopt;
    if (__builtin_mul_overflow(value, base, &value) || __builtin_sub_overflow(value, digit, &value))
      too_large = true;
  }
  if (!negative && value == INT64_MIN) too_large = true;
  return negative || too_large ? value : -value;
}

std::optional<double> parse_real(std::string_view text) {
  const auto digits = without_underscores(strip(text));
  if (!digits || digits->empty()) return std::nullopt;
  std::string lower = to_lower(*digits);
  const bool sign = lower[0] == '+' || lower[0] == '-';
  const std::string word = lower.substr(sign ? 1 : 0);
  if (word != "inf" && word != "infinity" && word != "nan") {
    if (lower.find_first_not_of("0123456789+-.e") != std::string::npos) return std::nullopt;
  }
  char* end = nullptr;
  const double value = std::strtod(lower.c_str(), &end);
  if (end != lower.c_str() + lower.size()) return std::nullopt;
  return value;
}

double round_real(double value, int64_t digits) {
  if (!std::isfinite(value) || digits > 323) return value;
  if (digits < -308) return std::copysign(0.0, value);
  if (digits >= 0) {
    // printf rounds the exact binary value, ties to even.
    const std::string text = real_text(std::fabs(value), 'f', static_cast<int>(digits));
    return std::copysign(std::strtod(text.c_str(), nullptr), value);
  }
  const double unit = std::pow(10.0, static_cast<double>(-digits));
  return std::nearbyint(value / unit) * unit;
}

}  // namespace swift::text::jinja
