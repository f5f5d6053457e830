// Python's view of text: strings of code points, stored here as UTF-8. Bytes that are no valid UTF-8 count as
// one code point each.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace swift::text::jinja {

// The code point at `at`, which moves past it.
char32_t decode_utf8(std::string_view text, size_t& at);
void append_utf8(std::string& out, char32_t code_point);
size_t count_code_points(std::string_view text);
// The byte at which the code point of this index begins; text.size() when the text is shorter.
size_t byte_offset(std::string_view text, size_t index);
bool is_ascii(std::string_view text);

// str.isspace, str.isprintable and so on, for one code point.
bool is_space(char32_t c);
bool is_printable(char32_t c);
bool is_alpha(char32_t c);
bool is_decimal(char32_t c);
bool is_digit(char32_t c);
bool is_numeric(char32_t c);
bool is_upper(char32_t c);
bool is_lower(char32_t c);
bool is_title(char32_t c);
bool is_word(char32_t c);  // \w of Python's re

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
std::string to_capitalized(std::string_view text);  // first title case, the rest lower
std::string to_title(std::string_view text);
std::string swap_case(std::string_view text);
std::string fold_case(std::string_view text);  // str.casefold

// str.strip: white space, or any code point of `chars`.
enum class Side { both, left, right };
std::string_view strip(std::string_view text, Side side = Side::both);
std::string_view strip(std::string_view text, std::string_view chars, Side side);

// str.splitlines.
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);

}  // namespace swift::text::jinja
