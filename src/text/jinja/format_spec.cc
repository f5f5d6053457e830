// format(value, spec): Python's format specification mini-language for text, integers and floats.
#include <charconv>
#include <cmath>

#include "text/jinja/number_text.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace swift::text::jinja {
namespace {

struct Spec {
  std::string fill = " ";
  char align = '\0';  // < > ^ =
  char sign = '-';
  bool alternate = false;
  size_t width = 0;
  char group = '\0';
  int precision = -1;
  char type = '\0';
};

size_t read_size(std::string_view spec, size_t& at) {
  size_t value = 0;
  while (at < spec.size() && spec[at] >= '0' && spec[at] <= '9') {
    value = value * 10 + static_cast<size_t>(spec[at++] - '0');
    if (value > 10'000'000) throw Fault("too large a width or precision in a format");
  }
  return value;
}

bool is_align(char c) {
  return c == '<' || c == '>' || c == '^' || c == '=';
}

Spec parse_spec(std::string_view text, bool numeric) {
  Spec spec;
  bool fill_given = false;
  size_t at = 0;
  if (!text.empty()) {
    size_t after = 0;
    decode_utf8(text, after);
    if (after < text.size() && is_align(text[after])) {
      spec.fill = text.substr(0, after);
      fill_given = true;
      spec.align = text[after];
      at = after + 1;
    } else if (is_align(text[0])) {
      spec.align = text[0];
      at = 1;
    }
  }
  const auto take = [&](char c) { return at < text.size() && text[at] == c ? ++at != 0 : false; };
  for (const char sign : {'+', '-', ' '}) {
    if (take(sign)) {
      spec.sign = sign;
      break;
    }
  }
  if (take('#')) spec.alternate = true;
  if (take('0')) {
    if (!fill_given) spec.fill = "0";
    if (!spec.align && numeric) spec.align = '=';
  }
  spec.width = read_size(text, at);
  if (take(',')) spec.group = ',';
  if (take('_')) spec.group = '_';
  if (take('.')) {
    if (at >= text.size() || text[at] < '0' || text[at] > '9')
      throw Fault("Format specifier missing precision");
    spec.precision = static_cast<int>(std::min<size_t>(read_size(text, at), 1'000'000));
  }
  if (at < text.size()) spec.type = text[at++];
  if (at < text.size()) throw Fault("Invalid format specifier");
  if (spec.group && (spec.type == 'c' || spec.type == 'n')) {
    throw Fault(std::string("Cannot specify '") + spec.group + "' with '" + spec.type + "'.");
  }
  return spec;
}

std::string padded(Runtime& rt, const Spec& spec, std::string_view sign, std::string body,
                   char default_align) {
  const size_t size = count_code_points(body) + sign.size();
  const size_t gap = spec.width > size ? spec.width - size : 0;
  rt.allocate_text(gap * spec.fill.size());
  const char align = spec.align ? spec.align : default_align;
  const size_t left = align == '<' ? 0 : align == '^' ? gap / 2 : gap;
  std::string before, after;
  for (size_t i = 0; i < gap; ++i) (i < left ? before : after) += spec.fill;
  if (align == '=') return std::string(sign) + before + body;
  return before + std::string(sign) + body + after;
}

// Separators between groups of digits, from the right.
std::string grouped(const std::string& digits, char separator, size_t size) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i && (digits.size() - i) % size == 0) out += separator;
    out += digits[i];
  }
  return out;
}

std::string sign_of(bool negative, const Spec& spec) {
  if (negative) return "-";
  return spec.sign == '-' ? "" : std::string(1, spec.sign);
}

[[noreturn]] void unknown_code(const Spec& spec, const Value& value) {
  throw Fault(std::string("Unknown format code '") + spec.type + "' for object of type '" + type_name(value) +
              "'");
}

std::string format_integer(Runtime& rt, const Value& value, Spec spec) {
  const int64_t number = value.as_int();
  const uint64_t magnitude = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  if (spec.precision >= 0) throw Fault("Precision not allowed in integer format specifier");
  if (spec.type == 'c') {
    std::string text;
    append_utf8(text, static_cast<char32_t>(magnitude <= 0x10FFFF && number >= 0 ? magnitude : 0xFFFD));
    return padded(rt, spec, "", text, '<');
  }
  int base = 10;
  std::string prefix;
  switch (spec.type) {
    case '\0':
    case 'd':
    case 'n':
      break;
    case 'b':
      base = 2;
      prefix = "0b";
      break;
    case 'o':
      base = 8;
      prefix = "0o";
      break;
    case 'x':
      base = 16;
      prefix = "0x";
      break;
    case 'X':
      base = 16;
      prefix = "0X";
      break;
    default:
      unknown_code(spec, value);
  }
  std::string digits = digits_of(magnitude, base, spec.type == 'X');
  if (spec.group == ',' && base != 10)
    throw Fault(std::string("Cannot specify ',' with '") + spec.type + "'.");
  if (spec.group) digits = grouped(digits, spec.group, base == 10 ? 3 : 4);
  return padded(rt, spec, sign_of(number < 0, spec) + (spec.alternate ? prefix : ""), digits, '>');
}

std::string format_real(Runtime& rt, const Value& value, Spec spec) {
  double number = value.as_real();
  const bool negative = std::signbit(number) && !std::isnan(number);
  number = std::fabs(number);
  if (spec.type == '%') number *= 100;
  std::string body;
  if (spec.type == '\0' && spec.precision < 0) {
    body = repr_of_real(number);
  } else {
    const char type = spec.type == '%' ? 'f' : spec.type == 'n' ? 'g' : spec.type;
    if (type && std::string_view("eEfFgG").find(type) == std::string_view::npos) unknown_code(spec, value);
    body = type ? real_text(number, type, spec.precision < 0 ? 6 : spec.precision, spec.alternate)
                : general_real_text(number, spec.precision);
  }
  if (spec.group) {
    const size_t whole = std::min(body.find_first_not_of("0123456789"), body.size());
    body = grouped(body.substr(0, whole), spec.group, 3) + body.substr(whole);
  }
  if (spec.type == '%') body += '%';
  return padded(rt, spec, sign_of(negative, spec), std::move(body), '>');
}

}  // namespace

std::string format_value(Runtime& rt, const Value& value, std::string_view text) {
  if (text.empty()) return to_text(rt, value);
  if (!value.is_number() && !value.is(Kind::string)) {
    throw Fault(std::string("unsupported format string passed to ") + type_name(value) + ".__format__");
  }
  Spec spec = parse_spec(text, value.is_number());
  if (value.is(Kind::string)) {
    if (spec.type && spec.type != 's') unknown_code(spec, value);
    if (spec.align == '=') throw Fault("'=' alignment not allowed in string format specifier");
    std::string body = value.as_text();
    if (spec.precision >= 0) body.resize(byte_offset(body, static_cast<size_t>(spec.precision)));
    return padded(rt, spec, "", std::move(body), '<');
  }
  const bool real_type = spec.type && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos;
  if (value.is_integral() && !real_type) return format_integer(rt, value, std::move(spec));
  return format_real(rt, value, std::move(spec));
}

}  // namespace swift::text::jinja
