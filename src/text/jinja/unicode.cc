#include "text/jinja/unicode.h"

#include <utf8proc.h>

#include <algorithm>

namespace swift::text::jinja {
namespace {

utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

// Digits that are no decimals: superscripts, subscripts, circled and the like.
bool is_other_digit(char32_t c) {
  struct Span {
    char32_t first, last;
  };
  static constexpr Span kSpans[] = {{0xB2, 0xB3},      {0xB9, 0xB9},     {0x1369, 0x1371}, {0x19DA, 0x19DA},
                                    {0x2070, 0x2070},  {0x2074, 0x2079}, {0x2080, 0x2089}, {0x2460, 0x2468},
                                    {0x2474, 0x247C},  {0x2488, 0x2490}, {0x24EA, 0x24EA}, {0x24F5, 0x24FD},
                                    {0x24FF, 0x24FF},  {0x2776, 0x277E}, {0x2780, 0x2788}, {0x278A, 0x2792},
                                    {0x1F100, 0x1F10A}};
  return std::any_of(std::begin(kSpans), std::end(kSpans),
                     [c](const Span& span) { return c >= span.first && c <= span.last; });
}

// Ideographs with a numeric value.
bool is_numeral_ideograph(char32_t c) {
  static constexpr std::u32string_view kNumerals =
      U"\u3405\u3483\u382a\u3b4d\u4e00\u4e03\u4e07\u4e09\u4e5d\u4e8c\u4e94\u4e96\u4ebf\u4ec0\u4edf\u4ee8"
      U"\u4f0d"
      U"\u4f70\u5104\u5146\u5169\u516b\u516d\u5341\u5343\u5344\u5345\u534c\u53c1\u53c2\u53c3\u53c4\u56db"
      U"\u58f1"
      U"\u58f9\u5e7a\u5efe\u5eff\u5f0c\u5f0d\u5f0e\u5f10\u62fe\u634c\u67d2\u6f06\u7396\u767e\u8086\u8cad"
      U"\u8cb3"
      U"\u8d30\u9621\u9646\u964c\u9678\u96f6";
  return kNumerals.find(c) != std::u32string_view::npos;
}

// Upper case of one code point in full; the few that grow are listed.
void append_upper(std::string& out, char32_t c) {
  switch (c) {
    case 0xDF:
      out += "SS";
      return;
    case 0x149:
      out += "\u02bcN";
      return;
    case 0x1F0:
      out += "J\u030c";
      return;
    case 0xFB00:
      out += "FF";
      return;
    case 0xFB01:
      out += "FI";
      return;
    case 0xFB02:
      out += "FL";
      return;
    case 0xFB03:
      out += "FFI";
      return;
    case 0xFB04:
      out += "FFL";
      return;
    case 0xFB05:
    case 0xFB06:
      out += "ST";
      return;
    default:
      append_utf8(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
  }
}

void append_title(std::string& out, char32_t c) {
  if (c == 0xDF) {
    out += "Ss";
    return;
  }
  append_utf8(out, static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))));
}

bool is_cased(char32_t c) {
  return is_upper(c) || is_lower(c) || is_title(c);
}

bool is_case_ignorable(char32_t c) {
  switch (category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return c == '\'' || c == '.' || c == ':' || c == 0xB7 || c == 0x2018 || c == 0x2019;
  }
}

// A capital sigma at the end of a word has a form of its own.
bool is_final_sigma(std::string_view text, size_t from, size_t after) {
  bool cased_before = false;
  for (size_t at = 0; at < from;) {
    const char32_t c = decode_utf8(text, at);
    if (!is_case_ignorable(c)) cased_before = is_cased(c);
  }
  while (after < text.size()) {
    const char32_t c = decode_utf8(text, after);
    if (!is_case_ignorable(c)) return cased_before && !is_cased(c);
  }
  return cased_before;
}

// `from` is where c begins in text and `after` where it ends.
void append_lower(std::string& out, char32_t c, std::string_view text, size_t from, size_t after) {
  if (c == 0x130) {
    out += "i\u0307";
  } else if (c == 0x3A3) {
    out += is_final_sigma(text, from, after) ? "\u03c2" : "\u03c3";
  } else {
    append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
}

// Title case wherever starts(previous is cased) says so, else lower case.
template <class Starts>
std::string recase(std::string_view text, Starts starts) {
  std::string out;
  out.reserve(text.size());
  bool cased_before = false;
  for (size_t at = 0; at < text.size();) {
    const size_t from = at;
    const char32_t c = decode_utf8(text, at);
    if (starts(from, cased_before)) {
      append_title(out, c);
    } else {
      append_lower(out, c, text, from, at);
    }
    cased_before = is_cased(c);
  }
  return out;
}

bool is_line_end(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

// Where the last code point of a non-empty text begins.
size_t last_begin(std::string_view text) {
  size_t at = text.size() - 1;
  const size_t lowest = text.size() >= 4 ? text.size() - 4 : 0;
  while (at > lowest && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  size_t end = at;
  decode_utf8(text, end);
  return end == text.size() ? at : text.size() - 1;
}

template <class Drop>
std::string_view strip_where(std::string_view text, Side side, Drop drop) {
  if (side != Side::right) {
    while (!text.empty()) {
      size_t after = 0;
      if (!drop(decode_utf8(text, after))) break;
      text.remove_prefix(after);
    }
  }
  if (side != Side::left) {
    while (!text.empty()) {
      const size_t begin = last_begin(text);
      size_t at = begin;
      if (!drop(decode_utf8(text, at))) break;
      text = text.substr(0, begin);
    }
  }
  return text;
}

}  // namespace

char32_t decode_utf8(std::string_view text, size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) {
    ++at;
    return lead;
  }
  const size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + size > text.size()) {
    ++at;
    return 0xFFFD;
  }
  char32_t c = lead & (0xFF >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xC0) != 0x80) {
      ++at;
      return 0xFFFD;
    }
    c = c << 6 | (next & 0x3F);
  }
  at += size;
  return c;
}

void append_utf8(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

bool is_ascii(std::string_view text) {
  unsigned char bits = 0;
  for (const char c : text) bits |= static_cast<unsigned char>(c);
  return bits < 0x80;
}

size_t count_code_points(std::string_view text) {
  if (is_ascii(text)) return text.size();
  size_t count = 0;
  for (size_t at = 0; at < text.size(); ++count) decode_utf8(text, at);
  return count;
}

size_t byte_offset(std::string_view text, size_t index) {
  size_t at = 0;
  while (index > 0 && at < text.size()) {
    decode_utf8(text, at);
    --index;
  }
  return at;
}

bool is_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_printable(char32_t c) {
  if (c == ' ') return true;
  switch (category(c)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

bool is_alpha(char32_t c) {
  const auto kind = category(c);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool is_decimal(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_ND;
}
bool is_digit(char32_t c) {
  return is_decimal(c) || is_other_digit(c);
}

bool is_numeric(char32_t c) {
  const auto kind = category(c);
  return kind == UTF8PROC_CATEGORY_ND || kind == UTF8PROC_CATEGORY_NL || kind == UTF8PROC_CATEGORY_NO ||
         is_numeral_ideograph(c);
}

bool is_upper(char32_t c) {
  return utf8proc_isupper(static_cast<utf8proc_int32_t>(c)) && !is_title(c);
}
bool is_lower(char32_t c) {
  return utf8proc_islower(static_cast<utf8proc_int32_t>(c)) && !is_title(c);
}
bool is_title(char32_t c) {
  return category(c) == UTF8PROC_CATEGORY_LT;
}
bool is_word(char32_t c) {
  return c == '_' || is_alpha(c) || is_numeric(c);
}

std::string to_upper(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) append_upper(out, decode_utf8(text, at));
  return out;
}

std::string to_lower(std::string_view text) {
  return recase(text, [](size_t, bool) { return false; });
}

std::string to_capitalized(std::string_view text) {
  return recase(text, [](size_t from, bool) { return from == 0; });
}

std::string to_title(std::string_view text) {
  return recase(text, [](size_t, bool cased_before) { return !cased_before; });
}

std::string swap_case(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t from = at;
    const char32_t c = decode_utf8(text, at);
    if (is_lower(c)) {
      append_upper(out, c);
    } else {
      append_lower(out, c, text, from, at);
    }
  }
  return out;
}

std::string fold_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t folded[8];
    const auto c = static_cast<utf8proc_int32_t>(decode_utf8(text, at));
    const auto count = utf8proc_decompose_char(c, folded, 8, UTF8PROC_CASEFOLD, nullptr);
    for (utf8proc_ssize_t i = 0; i < count && i < 8; ++i) append_utf8(out, static_cast<char32_t>(folded[i]));
  }
  return out;
}

std::string_view strip(std::string_view text, Side side) {
  return strip_where(text, side, is_space);
}

std::string_view strip(std::string_view text, std::string_view chars, Side side) {
  std::u32string set;
  for (size_t at = 0; at < chars.size();) set += decode_utf8(chars, at);
  return strip_where(text, side, [&set](char32_t c) { return set.find(c) != std::u32string::npos; });
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = at;
    const char32_t c = decode_utf8(text, at);
    if (!is_line_end(c)) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(begin, (keep_ends ? at : end) - begin));
    begin = at;
  }
  if (begin < text.size()) lines.push_back(text.substr(begin));
  return lines;
}

}  // namespace swift::text::jinja
