// UTF-8 and the Unicode properties that tokenizers ask for. The tables follow what Hugging Face's tokenizers
// 0.23 uses, so that both cut text at the same places: Unicode 16 categories in patterns (Oniguruma).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace swift::text {

// The code point at `at` of valid UTF-8; `at` moves past it. `at` must be inside the text.
inline char32_t next_code_point(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0x80) {
    at += 1;
    return lead;
  }
  if (lead < 0xE0) {
    const char32_t value = (char32_t(lead & 0x1F) << 6) | (byte(at + 1) & 0x3F);
    at += 2;
    return value;
  }
  if (lead < 0xF0) {
    const char32_t value =
        (char32_t(lead & 0x0F) << 12) | (char32_t(byte(at + 1) & 0x3F) << 6) | (byte(at + 2) & 0x3F);
    at += 3;
    return value;
  }
  const char32_t value = (char32_t(lead & 0x07) << 18) | (char32_t(byte(at + 1) & 0x3F) << 12) |
                         (char32_t(byte(at + 2) & 0x3F) << 6) | (byte(at + 3) & 0x3F);
  at += 4;
  return value;
}

// Start of the code point that ends at `at` (> 0) in valid UTF-8.
inline size_t previous_start(std::string_view text, size_t at) {
  do --at;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

void append_utf8(std::string& out, char32_t code_point);

bool is_ascii(std::string_view text);
bool is_valid_utf8(std::string_view text);

// Every maximal invalid part becomes U+FFFD, as Python's errors="replace" and Rust's from_utf8_lossy do.
std::string replace_invalid_utf8(std::string_view bytes);

// Number of bytes at the end that begin a character but do not complete it (0 to 3).
size_t incomplete_suffix(std::string_view bytes);

bool is_letter(char32_t code_point);      // category L*
bool is_number(char32_t code_point);      // category N*
bool is_whitespace(char32_t code_point);  // White_Space, as \s
bool is_word(char32_t code_point);        // \w of UTS 18: Alphabetic, M, Nd, Pc, Join_Control
void append_lowercase(std::string& out, char32_t code_point);

// Characters newer than the normalization tables of the reference (Unicode 10): it leaves them alone, while
// utf8proc reorders or decomposes them.
bool is_unknown_to_normalizer(char32_t code_point);

// GPT-2's alphabet: each byte as one printable character.
char32_t byte_to_char(uint8_t byte);
int char_to_byte(char32_t code_point);  // -1 when the character is not in the alphabet
std::string bytes_to_chars(std::string_view bytes);

}  // namespace swift::text
