// A small font of pen strokes for printable ASCII, drawn at any size.
#pragma once
#include <string_view>

namespace swift::train {

// Strokes of one character, separated by blanks; each is a run of x,y digit pairs on a grid of 5 x 9 points:
// y 0 is the top of capitals, 2 the top of small letters, 6 the base line, 8 the lowest descender. A stroke
// of one point drawn twice is a dot. Characters outside 32..126 look like '?'.
std::string_view glyph_strokes(char character);

constexpr int kGlyphAdvance = 6;  // grid units from one character to the next
constexpr int kGlyphWidth = 4;
constexpr int kBaseLine = 6;

}  // namespace swift::train
