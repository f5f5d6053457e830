// The methods of str: changing and testing. Searching and splitting are in text_search.cc.
#include "text/jinja/text_methods.h"

#include <unordered_map>

#include "text/jinja/attributes.h"
#include "text/jinja/iterate.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace swift::text::jinja {
namespace {

void no_arguments(const char* name, const Args& args) {
  Parameters(name, args, {});
}

template <std::string (*Change)(std::string_view)>
Value changed(Runtime& rt, const Value& self, Args& args) {
  no_arguments("str method", args);
  return make_text(rt, Change(self.as_text()), self.is_markup());
}

// True when there is a code point and all satisfy the test.
template <bool (*Test)(char32_t)>
Value all_are(Runtime& rt, const Value& self, Args& args) {
  no_arguments("str method", args);
  const std::string& text = self.as_text();
  rt.step(text.size() / 64);
  for (size_t at = 0; at < text.size();) {
    if (!Test(decode_utf8(text, at))) return Value::boolean(false);
  }
  return Value::boolean(!text.empty());
}

bool alphanumeric(char32_t c) {
  return is_alpha(c) || is_numeric(c);
}

Value is_upper_text(Runtime&, const Value& self, Args& args) {
  no_arguments("isupper", args);
  return Value::boolean(is_upper_cased(self.as_text()));
}

Value is_lower_text(Runtime&, const Value& self, Args& args) {
  no_arguments("islower", args);
  return Value::boolean(is_lower_cased(self.as_text()));
}

Value is_title_text(Runtime&, const Value& self, Args& args) {
  no_arguments("istitle", args);
  const std::string& text = self.as_text();
  bool cased_before = false, cased = false;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_utf8(text, at);
    const bool starts = is_upper(c) || is_title(c);
    if ((starts && cased_before) || (is_lower(c) && !cased_before)) return Value::boolean(false);
    cased_before = starts || is_lower(c);
    cased = cased || cased_before;
  }
  return Value::boolean(cased);
}

Value is_ascii_text(Runtime&, const Value& self, Args& args) {
  no_arguments("isascii", args);
  return Value::boolean(is_ascii(self.as_text()));
}

Value is_printable_text(Runtime& rt, const Value& self, Args& args) {
  return self.as_text().empty() ? Value::boolean(true) : all_are<is_printable>(rt, self, args);
}

Value is_identifier(Runtime&, const Value& self, Args& args) {
  no_arguments("isidentifier", args);
  const std::string& text = self.as_text();
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return Value::boolean(false);
  for (size_t at = 0; at < text.size();) {
    if (!is_word(decode_utf8(text, at))) return Value::boolean(false);
  }
  return Value::boolean(true);
}

template <Side Where>
Value stripped(Runtime& rt, const Value& self, Args& args) {
  const Parameters p("strip", args, {"chars"});
  const std::string& text = self.as_text();
  const std::string_view out = p.given(0) ? strip(text, p.text(0), Where) : strip(text, Where);
  return make_text(rt, std::string(out), self.is_markup());
}

enum class Align { left, right, center };

template <Align How>
Value aligned(Runtime& rt, const Value& self, Args& args) {
  const Parameters p("str alignment", args, {"width", "fillchar"}, 1);
  const std::string fill = p.has(1) ? p.text(1) : " ";
  if (count_code_points(fill) != 1) throw Fault("The fill character must be exactly one character long");
  return align_text(rt, self, index_of(p[0]), fill, How == Align::center ? 0 : How == Align::left ? -1 : 1);
}

Value zfill(Runtime& rt, const Value& self, Args& args) {
  const Parameters p("zfill", args, {"width"}, 1);
  const std::string& text = self.as_text();
  const auto size = static_cast<int64_t>(count_code_points(text));
  const int64_t width = index_of(p[0]);
  if (width <= size) return self;
  rt.allocate_text(static_cast<size_t>(width));
  const size_t sign = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
  std::string out =
      text.substr(0, sign) + std::string(static_cast<size_t>(width - size), '0') + text.substr(sign);
  return Value::text(std::move(out), self.is_markup());
}

Value remove_prefix(Runtime& rt, const Value& self, Args& args) {
  const Parameters p("removeprefix", args, {"prefix"}, 1);
  const std::string& text = self.as_text();
  return text.starts_with(p.text(0)) ? make_text(rt, text.substr(p.text(0).size()), self.is_markup()) : self;
}

Value remove_suffix(Runtime& rt, const Value& self, Args& args) {
  const Parameters p("removesuffix", args, {"suffix"}, 1);
  const std::string& text = self.as_text();
  if (!text.ends_with(p.text(0))) return self;
  return make_text(rt, text.substr(0, text.size() - p.text(0).size()), self.is_markup());
}

Value join(Runtime& rt, const Value& self, Args& args) {
  const Parameters p("join", args, {"iterable"}, 1);
  std::string out;
  const auto items = iterate(rt, p[0]);
  Value item;
  for (int64_t i = 0; items->next(rt, item); ++i) {
    if (i) out += self.as_text();
    if (self.is_markup()) {
      out += escape(rt, item).as_text();
    } else {
      if (!item.is(Kind::string)) {
        throw Fault("sequence item " + std::to_string(i) + ": expected str instance, " + type_name(item) +
                    " found");
      }
      out += item.as_text();
    }
    rt.step();
    if (out.size() > kMaxText) throw Fault("the template creates a text of more than 64 MiB");
  }
  return make_text(rt, std::move(out), self.is_markup());
}

Value format(Runtime& rt, const Value& self, Args& args) {
  return format_braces(rt, self, args);
}

Value unsupported(Runtime&, const Value&, Args&) {
  throw Fault("encode(), translate() and format_map() are not supported in chat templates");
}

Value expand_tabs(Runtime& rt, const Value& self, Args& args) {
  const Parameters p("expandtabs", args, {"tabsize"});
  const int64_t size = std::min<int64_t>(p.integer(0, 8), 1000);
  std::string out;
  int64_t column = 0;
  const std::string& text = self.as_text();
  for (size_t at = 0; at < text.size();) {
    const size_t from = at;
    const char32_t c = decode_utf8(text, at);
    if (c == '\t') {
      const int64_t gap = size > 0 ? size - column % size : 0;
      out.append(static_cast<size_t>(gap), ' ');
      column += gap;
    } else {
      out += text.substr(from, at - from);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
    if (out.size() > kMaxText) throw Fault("the template creates a text of more than 64 MiB");
  }
  return make_text(rt, std::move(out), self.is_markup());
}

}  // namespace

bool is_upper_cased(std::string_view text) {
  bool cased = false;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_utf8(text, at);
    if (is_lower(c) || is_title(c)) return false;
    cased = cased || is_upper(c);
  }
  return cased;
}

bool is_lower_cased(std::string_view text) {
  bool cased = false;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_utf8(text, at);
    if (is_upper(c) || is_title(c)) return false;
    cased = cased || is_lower(c);
  }
  return cased;
}

Value align_text(Runtime& rt, const Value& text, int64_t width, const std::string& fill, int side) {
  const auto size = static_cast<int64_t>(count_code_points(text.as_text()));
  if (width <= size) return text;
  const int64_t gap = width - size;
  if (gap > static_cast<int64_t>(kMaxText)) throw Fault("the template creates a text of more than 64 MiB");
  rt.allocate_text(static_cast<size_t>(gap) * fill.size() + text.as_text().size());
  // str.center puts the odd one on the left when the width is odd.
  const int64_t left = side < 0 ? 0 : side > 0 ? gap : gap / 2 + (gap & width & 1);
  std::string out;
  for (int64_t i = 0; i < left; ++i) out += fill;
  out += text.as_text();
  for (int64_t i = left; i < gap; ++i) out += fill;
  return Value::text(std::move(out), text.is_markup());
}

MethodFn find_text_method(std::string_view name) {
  static const std::unordered_map<std::string_view, MethodFn> kMethods = {
      {"upper", changed<to_upper>},
      {"lower", changed<to_lower>},
      {"casefold", changed<fold_case>},
      {"capitalize", changed<to_capitalized>},
      {"title", changed<to_title>},
      {"swapcase", changed<swap_case>},
      {"isalpha", all_are<is_alpha>},
      {"isalnum", all_are<alphanumeric>},
      {"isdecimal", all_are<is_decimal>},
      {"isdigit", all_are<is_digit>},
      {"isnumeric", all_are<is_numeric>},
      {"isspace", all_are<is_space>},
      {"isprintable", is_printable_text},
      {"isidentifier", is_identifier},
      {"isascii", is_ascii_text},
      {"isupper", is_upper_text},
      {"islower", is_lower_text},
      {"istitle", is_title_text},
      {"strip", stripped<Side::both>},
      {"lstrip", stripped<Side::left>},
      {"rstrip", stripped<Side::right>},
      {"ljust", aligned<Align::left>},
      {"rjust", aligned<Align::right>},
      {"center", aligned<Align::center>},
      {"zfill", zfill},
      {"removeprefix", remove_prefix},
      {"removesuffix", remove_suffix},
      {"join", join},
      {"format", format},
      {"expandtabs", expand_tabs},
      {"encode", unsupported},
      {"translate", unsupported},
      {"format_map", unsupported},
  };
  const auto found = kMethods.find(name);
  return found != kMethods.end() ? found->second : find_search_method(name);
}

}  // namespace swift::text::jinja
