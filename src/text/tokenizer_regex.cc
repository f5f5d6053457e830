#include "text/tokenizer_regex.h"

#include "text/unicode.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace swift::text {
namespace {

constexpr size_t kJitStackStart = 32 * 1024;
constexpr size_t kJitStackLimit = 8 * 1024 * 1024;
constexpr uint32_t kMatchLimit = 10'000'000;
constexpr uint32_t kHeapLimitKiB = 64 * 1024;

// PCRE2 counts U+180E as white space and leaves marks out of \w; Oniguruma does neither.
constexpr std::string_view kSpaces = "\\t-\\r\\x{85}\\p{Z}";
constexpr std::string_view kWords = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
constexpr std::string_view kHexDigits = "0-9A-Fa-f";
constexpr std::string_view kNotSpaces =
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"
    "\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}";
constexpr std::string_view kNotHexDigits = "\\x{0}-/:-@G-`g-\\x{10ffff}";

std::string error_text(int code) {
  PCRE2_UCHAR buffer[256];
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

// Translation of one escape; empty when it is the same in both.
std::string translated_escape(char letter, bool in_class, const Node& where) {
  const auto positive = [&](std::string_view members) {
    return in_class ? std::string(members) : "[" + std::string(members) + "]";
  };
  const auto negative = [&](std::string_view members, std::string_view others) {
    if (!in_class) return "[^" + std::string(members) + "]";
    if (others.empty()) where.fail(std::string("\\") + letter + " inside [] is not supported");
    return std::string(others);
  };
  switch (letter) {
    case 's':
      return positive(kSpaces);
    case 'S':
      return negative(kSpaces, kNotSpaces);
    case 'w':
      return positive(kWords);
    case 'W':
      return negative(kWords, {});
    case 'h':
      return positive(kHexDigits);
    case 'H':
      return negative(kHexDigits, kNotHexDigits);
    default:
      return {};
  }
}

}  // namespace

struct RegexScratch::Memory {
  pcre2_match_data* data = nullptr;
  pcre2_match_context* context = nullptr;
  pcre2_jit_stack* stack = nullptr;
};

void RegexScratch::Free::operator()(Memory* memory) const {
  pcre2_match_data_free(memory->data);
  pcre2_match_context_free(memory->context);
  pcre2_jit_stack_free(memory->stack);
  delete memory;
}

RegexScratch::RegexScratch() : memory_(new Memory) {
  memory_->data = pcre2_match_data_create(1, nullptr);
  memory_->context = pcre2_match_context_create(nullptr);
  memory_->stack = pcre2_jit_stack_create(kJitStackStart, kJitStackLimit, nullptr);
  if (memory_->data == nullptr || memory_->context == nullptr) throw std::bad_alloc();
  pcre2_jit_stack_assign(memory_->context, nullptr, memory_->stack);
  pcre2_set_match_limit(memory_->context, kMatchLimit);
  pcre2_set_heap_limit(memory_->context, kHeapLimitKiB);
}

std::string oniguruma_to_pcre2(const std::string& pattern, const Node& where) {
  std::string out;
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size()) {
      const std::string other = translated_escape(pattern[i + 1], in_class, where);
      out += other.empty() ? pattern.substr(i, 2) : other;
      ++i;
    } else if (in_class && c == '[' && pattern.compare(i, 2, "[:") == 0 &&
               pattern.find(":]", i) != std::string::npos) {
      const size_t end = pattern.find(":]", i) + 2;
      out += pattern.substr(i, end - i);
      i = end - 1;
    } else if (in_class && (c == '[' || pattern.compare(i, 2, "&&") == 0)) {
      where.fail("a set inside [] is not supported, in the pattern " + pattern);
    } else if (!in_class && c == '[') {
      in_class = true;
      out += c;
      if (pattern.compare(i + 1, 1, "^") == 0) out += pattern[++i];
      if (pattern.compare(i + 1, 1, "]") == 0) out += "\\" + std::string(1, pattern[++i]);
    } else {
      if (in_class && c == ']') in_class = false;
      out += c;
    }
  }
  return out;
}

Regex Regex::from_node(const Node& pattern) {
  if (const auto regex = pattern.find("Regex")) return compile(regex->string(), false, *regex);
  if (const auto text = pattern.find("String")) return compile(text->string(), true, *text);
  pattern.fail("expected {\"Regex\": …} or {\"String\": …}");
}

Regex Regex::compile(const std::string& pattern, bool literal, const Node& where) {
  if (!is_valid_utf8(pattern)) where.fail("the pattern is not valid UTF-8");
  const std::string source = literal ? pattern : oniguruma_to_pcre2(pattern, where);
  const std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)> context(
      pcre2_compile_context_create(nullptr), &pcre2_compile_context_free);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  // Oniguruma's ^ and $ stand at every line.
  const uint32_t options =
      PCRE2_UTF | (literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C);
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(source.data()), source.size(), options,
                                   &error, &offset, context.get());
  if (code == nullptr) {
    where.fail("invalid pattern " + pattern + ": " + error_text(error) + " at offset " +
               std::to_string(offset));
  }
  Regex regex;
  regex.pattern_ = pattern;
  regex.code_ =
      std::shared_ptr<void>(code, [](void* held) { pcre2_code_free(static_cast<pcre2_code*>(held)); });
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // without JIT the interpreter does the same, slower
  return regex;
}

void Regex::find_all(std::string_view text, RegexScratch& scratch, std::vector<Match>& matches) const {
  const auto* code = static_cast<const pcre2_code*>(code_.get());
  RegexScratch::Memory& memory = *scratch.memory_;
  const PCRE2_SIZE* found = pcre2_get_ovector_pointer(memory.data);
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  matches.clear();
  size_t from = 0;
  while (from <= text.size()) {
    const int result =
        pcre2_match(code, subject, text.size(), from, PCRE2_NO_UTF_CHECK, memory.data, memory.context);
    if (result == PCRE2_ERROR_NOMATCH) return;
    if (result < 0) {
      throw base::Error(base::ExitCode::data, "the tokenizer's pattern " + pattern_ +
                                                  " gave up on this text: " + error_text(result));
    }
    const Match match{found[0], found[1]};
    if (match.end < match.begin) {
      throw base::Error(base::ExitCode::data,
                        "the tokenizer's pattern " + pattern_ + " ends before it begins");
    }
    const bool touches = match.begin == match.end && !matches.empty() && match.end == matches.back().end;
    if (!touches) matches.push_back(match);
    from = match.end;
    if (match.begin == match.end) {
      if (from >= text.size()) return;
      next_code_point(text, from);
    }
  }
}

}  // namespace swift::text
