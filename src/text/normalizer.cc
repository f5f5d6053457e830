#include "text/normalizer.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

#include "text/unicode.h"

namespace swift::text {
namespace {

// True when the character neither changes under NFC nor composes with the one before it. Ranges chosen for
// common scripts; a "no" only costs time. Sources: NFC_Quick_Check=Yes and combining class 0.
bool inert_in_nfc(char32_t c) {
  if (c < 0x300) return true;
  if (c < 0x2000) {
    return (c >= 0x400 && c <= 0x482) || (c >= 0x48A && c <= 0x52F) || (c >= 0x388 && c <= 0x3FF) ||
           (c >= 0x5D0 && c <= 0x5EA) || (c >= 0x620 && c <= 0x64A) || (c >= 0xE01 && c <= 0xE37) ||
           (c >= 0x1E00 && c <= 0x1EFF);
  }
  return (c >= 0x2002 && c <= 0x2027) || (c >= 0x2030 && c <= 0x205E) || (c >= 0x2190 && c <= 0x2328) ||
         (c >= 0x2460 && c <= 0x27BF) || (c >= 0x3001 && c <= 0x3029) || (c >= 0x3041 && c <= 0x3096) ||
         (c >= 0x30A1 && c <= 0x30FA) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) ||
         (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0xFF01 && c <= 0xFF9D) ||
         (c >= 0x1F300 && c <= 0x1FAFF);
}

bool inert(char32_t c, UnicodeForm form) {
  return form == UnicodeForm::nfc ? inert_in_nfc(c) : c < 0x80;
}

void append_mapped(std::string& out, std::string_view text, UnicodeForm form) {
  if (text.empty()) return;
  int options = UTF8PROC_STABLE;
  const bool compose = form == UnicodeForm::nfc || form == UnicodeForm::nfkc;
  options |= compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
  if (form == UnicodeForm::nfkc || form == UnicodeForm::nfkd) options |= UTF8PROC_COMPAT;
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                               static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                                               static_cast<utf8proc_option_t>(options));
  if (length < 0) {
    throw base::Error(base::ExitCode::data,
                      std::string("cannot normalize the text: ") + utf8proc_errmsg(length));
  }
  // utf8proc allocates with malloc.
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(mapped, std::free);
  out.append(reinterpret_cast<const char*>(mapped), static_cast<size_t>(length));
}

// Characters the reference does not know act as bare starters: nothing moves or composes across them.
void append_between_unknown(std::string& out, std::string_view text, UnicodeForm form) {
  size_t begin = 0, at = 0;
  while (at < text.size()) {
    const size_t start = at;
    if (!is_unknown_to_normalizer(next_code_point(text, at))) continue;
    append_mapped(out, text.substr(begin, start - begin), form);
    out.append(text, start, at - start);
    begin = at;
  }
  append_mapped(out, text.substr(begin), form);
}

bool replace_all(std::string_view text, const Regex& pattern, const std::string& content, std::string& out,
                 RegexScratch& scratch) {
  std::vector<Match> matches;
  pattern.find_all(text, scratch, matches);
  if (matches.empty()) return false;
  size_t from = 0;
  for (const Match& match : matches) {
    out.append(text, from, match.begin - from);
    out += content;
    from = match.end;
  }
  out.append(text, from);
  return true;
}

std::string_view stripped(std::string_view text, bool left, bool right) {
  size_t begin = 0, end = text.size();
  while (left && begin < end) {
    size_t next = begin;
    if (!is_whitespace(next_code_point(text, next))) break;
    begin = next;
  }
  while (right && end > begin) {
    const size_t start = previous_start(text, end);
    size_t at = start;
    if (!is_whitespace(next_code_point(text, at))) break;
    end = start;
  }
  return text.substr(begin, end - begin);
}

}  // namespace

bool surely_normalized(std::string_view text, UnicodeForm form) {
  size_t at = 0;
  while (at < text.size()) {
    if (at + 8 <= text.size() && is_ascii(text.substr(at, 8))) {
      at += 8;
    } else if (!inert(next_code_point(text, at), form)) {
      return false;
    }
  }
  return true;
}

std::string normalize_unicode(std::string_view text, UnicodeForm form) {
  std::string out;
  out.reserve(text.size() + 16);
  size_t copied = 0;      // everything before is in `out`
  size_t last_inert = 0;  // start of the last inert character: what follows may compose with it
  size_t at = 0;
  while (at < text.size()) {
    const size_t start = at;
    if (inert(next_code_point(text, at), form)) {
      last_inert = start;
      continue;
    }
    size_t end = at;
    while (at < text.size()) {
      end = at;
      if (inert(next_code_point(text, at), form)) break;
      end = at;
    }
    out.append(text, copied, last_inert - copied);
    append_between_unknown(out, text.substr(last_inert, end - last_inert), form);
    copied = last_inert = at = end;
  }
  out.append(text, copied);
  return out;
}

void Normalizer::add(const Node& node) {
  const std::string type = node.type();
  Step step{};
  if (type == "Sequence") {
    for (const Node& child : node.at("normalizers").items()) add(child);
    return;
  }
  if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD") {
    step.kind = Kind::unicode;
    step.form = type == "NFC"    ? UnicodeForm::nfc
                : type == "NFD"  ? UnicodeForm::nfd
                : type == "NFKC" ? UnicodeForm::nfkc
                                 : UnicodeForm::nfkd;
  } else if (type == "Replace") {
    step.kind = Kind::replace;
    step.pattern = Regex::from_node(node.at("pattern"));
    step.content = node.string("content");
  } else if (type == "Prepend") {
    step.kind = Kind::prepend;
    step.content = node.string("prepend");
  } else if (type == "Lowercase") {
    step.kind = Kind::lowercase;
  } else if (type == "Strip") {
    step.kind = Kind::strip;
    step.left = node.boolean("strip_left", true);
    step.right = node.boolean("strip_right", true);
  } else if (type == "ByteLevel") {
    step.kind = Kind::byte_level;
  } else {
    node.fail("unsupported normalizer \"" + type + "\"",
              "supported: NFC, NFD, NFKC, NFKD, Replace, Prepend, Lowercase, Strip, ByteLevel, Sequence");
  }
  steps_.push_back(std::move(step));
}

Normalizer Normalizer::from_node(const Node& node) {
  Normalizer normalizer;
  normalizer.add(node);
  return normalizer;
}

// False when the text is left as it is; `out` is then untouched.
bool Normalizer::run(const Step& step, std::string_view text, std::string& out, RegexScratch& scratch) {
  switch (step.kind) {
    case Kind::unicode:
      if (surely_normalized(text, step.form)) return false;
      out = normalize_unicode(text, step.form);
      return true;
    case Kind::replace:
      return replace_all(text, step.pattern, step.content, out, scratch);
    case Kind::prepend:
      if (text.empty()) return false;
      out = step.content;
      out += text;
      return true;
    case Kind::lowercase:
      for (size_t at = 0; at < text.size();) append_lowercase(out, next_code_point(text, at));
      return true;
    case Kind::strip:
      out = stripped(text, step.left, step.right);
      return true;
    case Kind::byte_level:
      out = bytes_to_chars(text);
      return true;
  }
  return false;
}

std::string_view Normalizer::apply(std::string_view text, std::string& storage, RegexScratch& scratch) const {
  std::string_view current = text;
  for (const Step& step : steps_) {
    std::string out;
    if (!run(step, current, out, scratch)) continue;
    storage = std::move(out);
    current = storage;
  }
  return current;
}

}  // namespace swift::text
