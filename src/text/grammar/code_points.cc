#include "text/grammar/code_points.h"

#include <algorithm>

namespace swift::text::grammar {

namespace {

constexpr char32_t last_code_point = 0x10FFFF;
constexpr char32_t first_surrogate = 0xD800;
constexpr char32_t last_surrogate = 0xDFFF;

int encode(char32_t c, std::array<uint8_t, 4>& out) {
  if (c < 0x80) {
    out[0] = static_cast<uint8_t>(c);
    return 1;
  }
  const int length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (int i = length - 1; i > 0; --i, c >>= 6) out[i] = static_cast<uint8_t>(0x80 | (c & 0x3F));
  constexpr uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
  out[0] = static_cast<uint8_t>(leads[length] | c);
  return length;
}

// first and last have the same encoded length. A range is one product when all bytes after the first that
// differs run through all continuation bytes; otherwise it is cut where they do.
void split(char32_t first, char32_t last, std::vector<ByteSequence>& out) {
  for (int bits = 6; bits <= 18; bits += 6) {
    const char32_t mask = (char32_t{1} << bits) - 1;
    if (last <= mask || (first & ~mask) == (last & ~mask)) break;
    if ((first & mask) != 0) {
      split(first, first | mask, out);
      split((first | mask) + 1, last, out);
      return;
    }
    if ((last & mask) != mask) {
      split(first, (last & ~mask) - 1, out);
      split(last & ~mask, last, out);
      return;
    }
  }
  std::array<uint8_t, 4> low{}, high{};
  ByteSequence sequence{};
  sequence.length = encode(first, low);
  encode(last, high);
  for (int i = 0; i < sequence.length; ++i) sequence.bytes[i] = {low[i], high[i]};
  out.push_back(sequence);
}

}  // namespace

CodePoints::CodePoints(std::initializer_list<Range> ranges) {
  for (const Range& range : ranges) add(range.first, range.last);
}

CodePoints CodePoints::any() {
  return CodePoints{{0, last_code_point}};
}

CodePoints CodePoints::of(std::u32string_view characters) {
  CodePoints set;
  for (const char32_t c : characters) set.add(c, c);
  return set;
}

void CodePoints::add(char32_t first, char32_t last) {
  if (first <= last_surrogate && last >= first_surrogate) {
    if (first < first_surrogate) add(first, first_surrogate - 1);
    if (last > last_surrogate) add(last_surrogate + 1, last);
    return;
  }
  Range joined{first, std::min(last, last_code_point)};
  const auto begin = std::lower_bound(ranges_.begin(), ranges_.end(), joined.first,
                                      [](const Range& range, char32_t c) { return range.last + 1 < c; });
  auto end = begin;
  for (; end != ranges_.end() && end->first <= joined.last + 1; ++end) {
    joined.first = std::min(joined.first, end->first);
    joined.last = std::max(joined.last, end->last);
  }
  if (begin == end) {
    ranges_.insert(begin, joined);
  } else {
    *begin = joined;
    ranges_.erase(begin + 1, end);
  }
}

void CodePoints::add(const CodePoints& other) {
  for (const Range& range : other.ranges_) add(range.first, range.last);
}

CodePoints CodePoints::complement() const {
  CodePoints result;
  char32_t next = 0;
  for (const Range& range : ranges_) {
    if (range.first > next) result.add(next, range.first - 1);
    next = range.last + 1;
  }
  if (next <= last_code_point) result.add(next, last_code_point);
  return result;
}

bool CodePoints::contains(char32_t character) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const Range& range) { return range.first <= character && character <= range.last; });
}

std::vector<ByteSequence> utf8_sequences(const CodePoints& set) {
  std::vector<ByteSequence> result;
  for (CodePoints::Range range : set.ranges()) {
    for (const char32_t end : {char32_t{0x7F}, char32_t{0x7FF}, char32_t{0xFFFF}, last_code_point}) {
      if (range.first > end || range.first > range.last) continue;
      split(range.first, std::min(range.last, end), result);
      range.first = end + 1;
    }
  }
  return result;
}

}  // namespace swift::text::grammar
