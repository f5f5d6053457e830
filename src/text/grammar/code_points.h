// Sets of Unicode characters, and the byte sequences that spell them in UTF-8.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace swift::text::grammar {

// Sorted ranges that neither touch nor overlap; surrogates are never members.
class CodePoints {
 public:
  struct Range {
    char32_t first;
    char32_t last;  // included
  };

  CodePoints() = default;
  CodePoints(std::initializer_list<Range> ranges);
  static CodePoints any();
  static CodePoints of(std::u32string_view characters);

  void add(char32_t first, char32_t last);
  void add(const CodePoints& other);
  CodePoints complement() const;
  bool contains(char32_t character) const;
  bool empty() const { return ranges_.empty(); }
  const std::vector<Range>& ranges() const { return ranges_; }

 private:
  std::vector<Range> ranges_;
};

// Bytes of one to four positions, each from a range: the product spells characters of one length.
struct ByteSequence {
  struct Range {
    uint8_t first;
    uint8_t last;
  };
  std::array<Range, 4> bytes;
  int length;
};

// The UTF-8 spellings of the set, as products of byte ranges.
std::vector<ByteSequence> utf8_sequences(const CodePoints& set);

}  // namespace swift::text::grammar
