#include "model/packed/word_rows.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace swift::model {
namespace {

using at::Tensor;

constexpr int64_t kBlock = 16;  // words of a cache line

// Eight words as a square of nibbles, turned: word i gets nibble i of all words.
using Lanes = std::array<uint32_t, kBlock>;
void swap_parts(Lanes& a, Lanes& b, uint32_t mask, unsigned shift) {
  for (size_t lane = 0; lane < kBlock; ++lane) {
    const uint32_t moved = (a[lane] >> shift ^ b[lane]) & mask;
    b[lane] ^= moved;
    a[lane] ^= moved << shift;
  }
}
void turn_nibbles(std::array<Lanes, 8>& words) {
  for (const size_t i : {0, 1, 2, 3}) swap_parts(words[i], words[i + 4], 0x0000FFFFU, 16);
  for (const size_t i : {0, 1, 4, 5}) swap_parts(words[i], words[i + 2], 0x00FF00FFU, 8);
  for (const size_t i : {0, 2, 4, 6}) swap_parts(words[i], words[i + 1], 0x0F0F0F0FU, 4);
}

// Output of each nibble of an AWQ word.
constexpr std::array<int64_t, 8> kAwqOrder = {0, 2, 4, 6, 1, 3, 5, 7};

// Columns [first, first + count) of the words, which are outputs 8 * first and on, for up to 128 inputs.
void turn_block(const uint32_t* words, int64_t stride, int64_t count, int64_t inputs, uint8_t* rows,
                int64_t row_bytes) {
  std::array<Lanes, 8 * kBlock> out;  // by output of a word and its column: words of 8 inputs
  for (int64_t at = 0; at < inputs / 8; ++at) {
    std::array<Lanes, 8> square{};
    for (int64_t i = 0; i < 8; ++i)
      std::memcpy(square[static_cast<size_t>(i)].data(), words + (8 * at + i) * stride,
                  static_cast<size_t>(count) * sizeof(uint32_t));
    turn_nibbles(square);
    for (size_t nibble = 0; nibble < 8; ++nibble) {
      for (size_t column = 0; column < kBlock; ++column)
        out[column * 8 + static_cast<size_t>(kAwqOrder[nibble])][static_cast<size_t>(at)] =
            square[nibble][column];
    }
  }
  for (int64_t o = 0; o < 8 * count; ++o)
    std::memcpy(rows + o * row_bytes, out[static_cast<size_t>(o)].data(), static_cast<size_t>(inputs / 2));
}

}  // namespace

Tensor transposed_words(const Tensor& words_in) {
  const Tensor words = words_in.contiguous();
  const int64_t rows = words.size(0), columns = words.size(1);
  Tensor turned = at::empty({columns, rows}, words.options());
  const auto* from = words.const_data_ptr<int32_t>();
  auto* to = turned.data_ptr<int32_t>();
  at::parallel_for(0, (columns + kBlock - 1) / kBlock, 1, [&](int64_t begin, int64_t end) {
    std::array<int32_t, kBlock * kBlock> square;
    for (int64_t column = begin * kBlock; column < std::min(columns, end * kBlock); column += kBlock) {
      const int64_t width = std::min(kBlock, columns - column);
      for (int64_t row = 0; row < rows; row += kBlock) {
        const int64_t height = std::min(kBlock, rows - row);
        for (int64_t r = 0; r < height; ++r) {
          const int32_t* line = from + (row + r) * columns + column;
          for (int64_t c = 0; c < width; ++c) square[static_cast<size_t>(c * kBlock + r)] = line[c];
        }
        for (int64_t c = 0; c < width; ++c)
          std::copy_n(square.data() + c * kBlock, height, to + (column + c) * rows + row);
      }
    }
  });
  return turned;
}

Tensor awq_rows(const Tensor& words_in) {
  const Tensor words = words_in.contiguous();
  const int64_t in = words.size(0), columns = words.size(1), row_bytes = in / 2;
  Tensor rows = at::empty({columns * 8, row_bytes}, words.options().dtype(at::kByte));
  const auto* from = reinterpret_cast<const uint32_t*>(words.const_data_ptr<int32_t>());
  auto* to = rows.data_ptr<uint8_t>();
  at::parallel_for(0, (columns + kBlock - 1) / kBlock, 1, [&](int64_t begin, int64_t end) {
    for (int64_t column = begin * kBlock; column < std::min(columns, end * kBlock); column += kBlock) {
      for (int64_t input = 0; input < in; input += 8 * kBlock) {
        turn_block(from + input * columns + column, columns, std::min(kBlock, columns - column),
                   std::min(8 * kBlock, in - input), to + column * 8 * row_bytes + input / 2, row_bytes);
      }
    }
  });
  return rows;
}

}  // namespace swift::model
