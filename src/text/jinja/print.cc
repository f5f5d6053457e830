#include "text/jinja/print.h"

#include <charconv>
#include <cmath>

#include "text/jinja/loop.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace swift::text::jinja {
namespace {

void append_hex(std::string& out, char32_t c, int digits) {
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += "0123456789abcdef"[c >> shift & 0xF];
}

void append_escape(std::string& out, char32_t c) {
  out += c < 0x100 ? "\\x" : c < 0x10000 ? "\\u" : "\\U";
  append_hex(out, c, c < 0x100 ? 2 : c < 0x10000 ? 4 : 8);
}

void append_items(Runtime& rt, const std::vector<Value>& items, std::string& out) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i) out += ", ";
    append_repr(rt, items[i], out);
  }
}

void append_entries(Runtime& rt, const Dict& dict, std::string& out) {
  out += '{';
  for (size_t i = 0; i < dict.entries.size(); ++i) {
    if (i) out += ", ";
    append_repr(rt, dict.entries[i].first, out);
    out += ": ";
    append_repr(rt, dict.entries[i].second, out);
  }
  out += '}';
}

void append_view(Runtime& rt, const Value& value, std::string& out) {
  const auto& view = value.as<View>();
  out += type_name(value);
  out += "([";
  bool first = true;
  for (const auto& [key, item] : view.dict.as<Dict>().entries) {
    if (!first) out += ", ";
    first = false;
    if (view.part == View::Part::items) out += '(';
    if (view.part != View::Part::values) append_repr(rt, key, out);
    if (view.part == View::Part::items) out += ", ";
    if (view.part != View::Part::keys) append_repr(rt, item, out);
    if (view.part == View::Part::items) out += ')';
  }
  out += "])";
}

void append_namespace(Runtime& rt, const Namespace& names, std::string& out) {
  out += "<Namespace {";
  bool first = true;
  for (const auto& [key, value] : names.attributes) {
    if (!first) out += ", ";
    first = false;
    out += repr_of_text(key) + ": ";
    append_repr(rt, value, out);
  }
  out += "}>";
}

void append_sequence(Runtime& rt, const Value& value, std::string& out) {
  const auto& items = value.as<Sequence>().items;
  const bool list = value.is(Kind::list);
  out += list ? '[' : '(';
  append_items(rt, items, out);
  if (!list && items.size() == 1) out += ',';
  out += list ? ']' : ')';
}

std::string repr_of_range(const Range& range) {
  std::string out = "range(" + std::to_string(range.start) + ", " + std::to_string(range.stop);
  if (range.step != 1) out += ", " + std::to_string(range.step);
  return out + ")";
}

}  // namespace

std::string repr_of_real(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::fabs(value), std::chars_format::scientific).ptr;
  // d.ddde±xx: digits and exponent apart.
  std::string digits(1, buffer[0]);
  const std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t e = text.find('e');
  if (e > 2) digits += text.substr(2, e - 2);
  const int exponent = std::stoi(std::string(text.substr(e + 1)));
  const int count = static_cast<int>(digits.size());
  std::string out = std::signbit(value) ? "-" : "";
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (count > 1) out += "." + digits.substr(1);
    const int size = std::abs(exponent);
    return out + (exponent < 0 ? "e-" : "e+") + (size < 10 ? "0" : "") + std::to_string(size);
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  if (count <= exponent + 1)
    return out + digits + std::string(static_cast<size_t>(exponent + 1 - count), '0') + ".0";
  const auto point = static_cast<size_t>(exponent + 1);
  return out + digits.substr(0, point) + "." + digits.substr(point);
}

std::string repr_of_text(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    const size_t from = at;
    const char32_t c = decode_utf8(text, at);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_printable(c)) {
      out += text.substr(from, at - from);
    } else {
      append_escape(out, c);
    }
  }
  return out + quote;
}

std::string ascii_only(std::string_view repr) {
  std::string out;
  for (size_t at = 0; at < repr.size();) {
    const char32_t c = decode_utf8(repr, at);
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else {
      append_escape(out, c);
    }
  }
  return out;
}

std::string short_repr(const Value& value) {
  switch (value.kind()) {
    case Kind::none:
      return "None";
    case Kind::boolean:
      return value.as_bool() ? "True" : "False";
    case Kind::integer:
      return std::to_string(value.as_int());
    case Kind::real:
      return repr_of_real(value.as_real());
    case Kind::string:
      return value.is_markup() ? "Markup(" + repr_of_text(value.as_text()) + ")"
                               : repr_of_text(value.as_text());
    case Kind::undefined:
    case Kind::missing:
      return "Undefined";
    case Kind::callable:
      return value.as<Callable>().repr();
    case Kind::range:
      return repr_of_range(value.as<Range>());
    default:
      return std::string("<") + type_name(value) + " object>";
  }
}

void append_repr(Runtime& rt, const Value& value, std::string& out) {
  const DepthGuard guard(rt);
  rt.step();
  const size_t before = out.size();
  switch (value.kind()) {
    case Kind::list:
    case Kind::tuple:
      append_sequence(rt, value, out);
      return;
    case Kind::dict:
      append_entries(rt, value.as<Dict>(), out);
      return;
    case Kind::view:
      append_view(rt, value, out);
      return;
    case Kind::name_space:
      append_namespace(rt, value.as<Namespace>(), out);
      return;
    case Kind::loop: {
      auto& loop = value.as<Loop>();
      out += "<LoopContext " + std::to_string(loop.index0 + 1) + "/" + std::to_string(loop.length(rt)) + ">";
      return;
    }
    default:
      out += short_repr(value);
      rt.allocate(out.size() - before);
      if (out.size() > kMaxText) throw Fault("the template creates a text of more than 64 MiB");
  }
}

void append_text(Runtime& rt, const Value& value, std::string& out) {
  if (value.is(Kind::string)) {
    rt.allocate_text(value.as_text().size());
    out += value.as_text();
  } else if (!value.is(Kind::undefined) && !value.is(Kind::missing)) {
    append_repr(rt, value, out);
  }
}

std::string to_text(Runtime& rt, const Value& value) {
  std::string out;
  append_text(rt, value, out);
  return out;
}

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

Value escape(Runtime& rt, const Value& value) {
  if (value.is_markup()) return value;
  return make_text(rt, escape_html(to_text(rt, value)), true);
}

}  // namespace swift::text::jinja
