// text % values: Python's printf-style formatting.
#include <cmath>

#include "text/jinja/iterate.h"
#include "text/jinja/number_text.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace swift::text::jinja {
namespace {

struct Conversion {
  bool left = false, plus = false, space = false, zero = false, alternate = false;
  int64_t width = 0;
  int64_t precision = -1;
  char type = 's';
};

class PercentFormatter {
 public:
  PercentFormatter(Runtime& rt, const Value& format, const Value& values)
      : rt_(rt), format_(format.as_text()), markup_(format.is_markup()), values_(values) {}

  Value run() {
    while (at_ < format_.size()) {
      if (format_[at_] != '%') {
        out_ += format_[at_++];
      } else if (++at_ < format_.size() && format_[at_] == '%') {
        out_ += format_[at_++];
      } else {
        conversion();
      }
    }
    const bool single = !values_.is(Kind::tuple);
    if (single ? !used_ && !mapping() : used_ < values_.as<Sequence>().items.size()) {
      throw Fault("not all arguments converted during string formatting");
    }
    return make_text(rt_, std::move(out_), markup_);
  }

 private:
  // Values that need not be used up: everything with items, as in Python.
  bool mapping() const {
    return values_.is(Kind::dict) || values_.is(Kind::list) || values_.is(Kind::range) ||
           values_.is(Kind::undefined);
  }

  const Value& next_value() {
    if (!values_.is(Kind::tuple)) {
      if (used_++) throw Fault("not enough arguments for format string");
      return values_;
    }
    const auto& items = values_.as<Sequence>().items;
    if (used_ >= items.size()) throw Fault("not enough arguments for format string");
    return items[used_++];
  }

  char peek() const {
    if (at_ >= format_.size()) throw Fault("incomplete format");
    return format_[at_];
  }

  const Value* key() {
    if (peek() != '(') return nullptr;
    if (!values_.is(Kind::dict)) throw Fault("format requires a mapping");
    const size_t from = ++at_;
    for (int open = 1; open > 0; ++at_) {
      if (peek() == '(') ++open;
      if (peek() == ')') --open;
    }
    const std::string name = format_.substr(from, at_ - 1 - from);
    const Value* found = values_.as<Dict>().find(name);
    if (!found) throw Fault("KeyError: " + repr_of_text(name));
    return found;
  }

  int64_t number() {
    if (peek() == '*') {
      ++at_;
      const Value& value = next_value();
      if (!value.is_integral()) throw Fault("* wants int");
      return value.as_int();
    }
    int64_t value = 0;
    while (peek() >= '0' && peek() <= '9')
      value = std::min<int64_t>(value * 10 + (format_[at_++] - '0'), kMaxText + 1);
    return value;
  }

  void conversion() {
    const Value* named = key();
    Conversion c;
    for (;; ++at_) {
      const char flag = peek();
      if (flag == '-')
        c.left = true;
      else if (flag == '+')
        c.plus = true;
      else if (flag == ' ')
        c.space = true;
      else if (flag == '0')
        c.zero = true;
      else if (flag == '#')
        c.alternate = true;
      else
        break;
    }
    c.width = number();
    if (c.width < 0) {
      c.left = true;
      c.width = c.width == INT64_MIN ? INT64_MAX : -c.width;
    }
    if (peek() == '.') {
      ++at_;
      c.precision = std::max<int64_t>(number(), 0);
    }
    while (peek() == 'l' || peek() == 'h' || peek() == 'L') ++at_;
    c.type = peek();
    ++at_;
    if (c.width > static_cast<int64_t>(kMaxText)) throw Fault("width too big");
    const Value& value = named ? *named : next_value();
    std::string sign;
    std::string body = convert(c, value, sign);
    pad(c, sign, std::move(body));
    if (named) used_ = 1;
  }

  std::string convert(const Conversion& c, const Value& value, std::string& sign) {
    switch (c.type) {
      case 's':
      case 'r':
      case 'a':
        return text(c, value);
      case 'c':
        return character(value);
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o':
        return integer(c, value, sign);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        return real(c, value, sign);
      default:
        throw Fault(std::string("unsupported format character '") + c.type + "'");
    }
  }

  std::string text(const Conversion& c, const Value& value) {
    std::string out;
    if (c.type == 's') {
      out = to_text(rt_, value);
    } else {
      append_repr(rt_, value, out);
      if (c.type == 'a') out = ascii_only(out);
    }
    if (markup_ && !value.is_markup()) out = escape_html(out);
    if (c.precision >= 0) out.resize(byte_offset(out, static_cast<size_t>(c.precision)));
    return out;
  }

  static std::string character(const Value& value) {
    std::string out;
    if (value.is(Kind::string) && count_code_points(value.as_text()) == 1) return value.as_text();
    if (!value.is_integral() || value.as_int() < 0 || value.as_int() > 0x10FFFF)
      throw Fault("%c requires int or char");
    append_utf8(out, static_cast<char32_t>(value.as_int()));
    return out;
  }

  static std::string sign_text(const Conversion& c, bool negative) {
    return negative ? "-" : c.plus ? "+" : c.space ? " " : "";
  }

  std::string integer(const Conversion& c, const Value& value, std::string& sign) {
    if (!value.is_number()) {
      throw Fault(std::string("%") + c.type + " format: a real number is required, not " + type_name(value));
    }
    int64_t number = value.as_int();
    if (value.is(Kind::real)) {
      if (c.type == 'x' || c.type == 'X' || c.type == 'o') {
        throw Fault(std::string("%") + c.type + " format: an integer is required, not float");
      }
      if (!(std::fabs(value.as_real()) < 9.2e18)) throw Fault("the integer does not fit in 64 bits");
      number = static_cast<int64_t>(value.as_real());
    }
    const uint64_t magnitude = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
    const int base = c.type == 'o' ? 8 : (c.type | 0x20) == 'x' ? 16 : 10;
    std::string digits = digits_of(magnitude, base, c.type == 'X');
    if (c.precision > static_cast<int64_t>(digits.size())) {
      rt_.allocate_text(static_cast<size_t>(c.precision));
      digits.insert(0, static_cast<size_t>(c.precision) - digits.size(), '0');
    }
    sign = sign_text(c, number < 0);
    if (c.alternate && base != 10) sign += std::string("0") + c.type;
    return digits;
  }

  std::string real(const Conversion& c, const Value& value, std::string& sign) {
    if (!value.is_number()) throw Fault(std::string("must be real number, not ") + type_name(value));
    if (c.precision > 100'000) throw Fault("precision too large");
    const double number = value.as_real();
    sign = sign_text(c, std::signbit(number) && !std::isnan(number));
    return real_text(std::fabs(number), c.type, c.precision < 0 ? 6 : static_cast<int>(c.precision),
                     c.alternate);
  }

  void pad(const Conversion& c, const std::string& sign, std::string body) {
    const auto size = static_cast<int64_t>(count_code_points(body) + sign.size());
    const auto gap = static_cast<size_t>(std::max<int64_t>(c.width - size, 0));
    rt_.allocate_text(gap + out_.size());
    const bool numeric = std::string_view("sracu").find(c.type) == std::string_view::npos || c.type == 'u';
    if (c.left) {
      out_ += sign + body + std::string(gap, ' ');
    } else if (c.zero && numeric) {
      out_ += sign + std::string(gap, '0') + body;
    } else {
      out_ += std::string(gap, ' ') + sign + body;
    }
  }

  Runtime& rt_;
  const std::string& format_;
  bool markup_;
  const Value& values_;
  size_t at_ = 0;
  size_t used_ = 0;
  std::string out_;
};

}  // namespace

Value format_percent(Runtime& rt, const Value& format, const Value& values) {
  return PercentFormatter(rt, format, values).run();
}

}  // namespace swift::text::jinja
