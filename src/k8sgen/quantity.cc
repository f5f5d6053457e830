#include "k8sgen/quantity.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <span>

namespace swift::k8sgen {
namespace {

constexpr __int128 kNano = 1'000'000'000;
constexpr __int128 kLargest = static_cast<__int128>(std::numeric_limits<int64_t>::max()) * kNano;
// More significant digits than any quantity within the bounds can have.
constexpr size_t kMostDigits = 30;

struct Suffix {
  std::string_view text;
  int exponent;  // of 10, or of 2
};
constexpr Suffix kDecimal[] = {{"n", -9}, {"u", -6}, {"m", -3}, {"", 0},   {"k", 3},
                               {"M", 6},  {"G", 9},  {"T", 12}, {"P", 15}, {"E", 18}};
constexpr Suffix kBinary[] = {{"Ki", 10}, {"Mi", 20}, {"Gi", 30}, {"Ti", 40}, {"Pi", 50}, {"Ei", 60}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A sign, digits with at most one point among them, and the rest of the text.
struct Parts {
  bool negative = false;
  std::string digits;  // significant, without the point
  int fraction = 0;    // digits behind the point
  std::string_view number, suffix;
};

std::optional<Parts> split(std::string_view text) {
  Parts parts;
  size_t i = 0;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) parts.negative = text[i++] == '-';
  bool point = false, any = false;
  for (; i < text.size() && (is_digit(text[i]) || (text[i] == '.' && !point)); ++i) {
    if (text[i] == '.') {
      point = true;
      continue;
    }
    any = true;
    if (point) ++parts.fraction;
    if (text[i] != '0' || !parts.digits.empty()) parts.digits += text[i];
  }
  if (!any) return {};
  while (parts.fraction > 0 && !parts.digits.empty() && parts.digits.back() == '0') {
    parts.digits.pop_back();
    --parts.fraction;
  }
  parts.number = text.substr(0, i);
  parts.suffix = text.substr(i);
  return parts;
}

// "e3", "E-6": the exponent of 10.
std::optional<int> exponent_of(std::string_view suffix) {
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) return {};
  suffix.remove_prefix(1);
  const bool negative = suffix[0] == '-';
  if (negative || suffix[0] == '+') suffix.remove_prefix(1);
  if (suffix.empty() || suffix.size() > 3 || !std::all_of(suffix.begin(), suffix.end(), is_digit)) return {};
  int value = 0;
  for (const char c : suffix) value = value * 10 + (c - '0');
  return negative ? -value : value;
}

const Suffix* find(std::span<const Suffix> table, std::string_view text) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const Suffix& s) { return s.text == text; });
  return found == table.end() ? nullptr : &*found;
}

// digits * 2^twos * 10^tens, or nothing when that is no integer or overflows.
std::optional<__int128> scaled(const std::string& digits, int twos, int tens) {
  __int128 value = 0;
  if (digits.empty()) return value;
  if (digits.size() > kMostDigits) return {};
  for (const char c : digits) value = value * 10 + (c - '0');
  if (__builtin_mul_overflow(value, static_cast<__int128>(1) << twos, &value)) return {};
  for (; tens < 0; ++tens) {
    if (value % 10 != 0) return {};
    value /= 10;
  }
  for (; tens > 0; --tens)
    if (__builtin_mul_overflow(value, static_cast<__int128>(10), &value)) return {};
  return value;
}

}  // namespace

std::optional<Quantity> Quantity::parse(std::string_view text) {
  const std::optional<Parts> parts = split(text);
  if (!parts || parts->negative) return {};
  Quantity quantity;
  int twos = 0, tens = 0;
  if (const Suffix* decimal = find(kDecimal, parts->suffix)) {
    tens = decimal->exponent;
  } else if (const Suffix* binary = find(kBinary, parts->suffix)) {
    twos = binary->exponent;
    quantity.form_ = Form::binary;
  } else if (const std::optional<int> exponent = exponent_of(parts->suffix)) {
    tens = *exponent;
    quantity.form_ = Form::exponent;
  } else {
    return {};
  }
  const std::optional<__int128> nano = scaled(parts->digits, twos, tens - parts->fraction + 9);
  if (!nano || *nano > kLargest) return {};
  quantity.nano_ = *nano;
  return quantity;
}

bool Quantity::is_integer() const {
  return nano_ % kNano == 0;
}

int64_t Quantity::ceil() const {
  return static_cast<int64_t>((nano_ + kNano - 1) / kNano);
}

std::string Quantity::decimal() const {
  if (nano_ == 0) return "0";
  __int128 mantissa = nano_;
  size_t suffix = 0;
  for (; suffix + 1 < std::size(kDecimal) && mantissa % 1000 == 0; ++suffix) mantissa /= 1000;
  const std::string number = fmt::format("{}", mantissa);
  if (form_ != Form::exponent) return number + std::string(kDecimal[suffix].text);
  const int exponent = kDecimal[suffix].exponent;
  return exponent == 0 ? number : fmt::format("{}e{}", number, exponent);
}

std::string Quantity::canonical() const {
  if (form_ != Form::binary || !is_integer() || nano_ < 1024 * kNano) return decimal();
  auto mantissa = static_cast<int64_t>(nano_ / kNano);
  std::string_view suffix;
  for (size_t i = 0; i < std::size(kBinary) && mantissa % 1024 == 0; ++i) {
    mantissa /= 1024;
    suffix = kBinary[i].text;
  }
  return fmt::format("{}{}", mantissa, suffix);
}

std::optional<std::string> quantity_fault(std::string_view text) {
  if (Quantity::parse(text)) return {};
  const std::string grammar =
      "write a number, with one of n u m k M G T P E or Ki Mi Gi Ti Pi Ei behind it, such as 48Gi, 500m or 4";
  const std::optional<Parts> parts = split(text);
  if (!parts) return "no quantity; " + grammar;
  if (parts->negative) return "negative; write an amount of 0 or more";
  std::string suffix(parts->suffix);
  if (find(kDecimal, suffix) || find(kBinary, suffix) || exponent_of(suffix))
    return "out of bounds; an amount is a multiple of one billionth (n) and below 2^63";
  // "GB", "gib", "g" and the like: the letter of the unit tells what was meant.
  for (char& c : suffix) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (suffix.size() > 1 && suffix.back() == 'b') suffix.pop_back();
  for (size_t i = 0; i < std::size(kBinary); ++i) {
    const std::string_view binary = kBinary[i].text, decimal = kDecimal[i + 4].text;
    const auto letter = static_cast<char>(std::tolower(static_cast<unsigned char>(binary[0])));
    if (suffix == std::string{letter, 'i'})
      return fmt::format("no quantity; write {}{}", parts->number, binary);
    if (suffix == std::string{letter})
      return fmt::format("no quantity; write {0}{1} (10^{2}) or {0}{3} (2^{4})", parts->number, decimal,
                         kDecimal[i + 4].exponent, binary, kBinary[i].exponent);
  }
  return "no quantity; " + grammar;
}

std::string canonical_quantity(const std::string& text) {
  const auto quantity = Quantity::parse(text);
  return quantity ? quantity->canonical() : text;
}

}  // namespace swift::k8sgen
