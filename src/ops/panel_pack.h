// Weights re-laid for the micro-kernel: pairs of bf16 along the reduction are one 32-bit word (the VNNI
// layout), and panel[pair][column] holds both. AVX-512.
#pragma once
#include <cstdint>

namespace swift::ops {

// Columns of the result that one packed panel covers: its panel of up to 3,072 rows fits in 2 MiB of L2.
constexpr int64_t kPanel = 128;

// From w (n, k): the panel's columns are rows of w, so this is a transposition of 32-bit words. row_words: k
// / 2. stride: words from one pair of the panel to the next.
void pack_transposed(const uint32_t* w, int64_t row_words, int64_t columns, int64_t pairs, uint32_t* panel,
                     int64_t stride = kPanel);

// From w (n, k) with the reduction along n: two adjacent rows are interleaved. row_length: k.
void pack_interleaved(const uint16_t* w, int64_t row_length, int64_t columns, int64_t pairs, uint32_t* panel,
                      int64_t stride = kPanel);

}  // namespace swift::ops
