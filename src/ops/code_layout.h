// Where the codes of a grouped weight lie for serving: in the order in which the kernels read them, so that a
// product reads a panel of 32 outputs from end to end.
#pragma once
#include <cstdint>

namespace swift::ops {

constexpr int64_t kCodePanel = 32;   // outputs of a panel
constexpr int64_t kCodeStep = 32;    // inputs of a step, at least
constexpr int64_t kCodeChunk = 128;  // most inputs that are summed before their scale is applied

enum class CodeScale { fp32, fp16, bf16 };

// value = scale * (code - zero), both counted from the middle, 2^(bits - 1).
// A panel's codes of a step are two blocks of 16 outputs. A block is rows of 16 words, a word the codes of
// one output:
//   floating activations: with 4 bits, 8 inputs, even ones in the lower half, odd ones in the upper, the
//   first lowest; with 8 bits, half words of two inputs, counted from the middle. 8-bit activations: with 4
//   bits, 8 inputs, the first four in the lower halves of the bytes, the last four in the upper; with 8 bits,
//   4 inputs. Codes as they are.
struct CodeLayout {
  int64_t bits = 4;          // 4 or 8
  bool for_int8 = false;     // the order is that for 8-bit activations
  int64_t step = kCodeStep;  // inputs of a step; 64 for 8-bit activations where that divides the chunk
  int64_t inputs = 0;        // a multiple of chunk: behind the weight's own, codes and activations are zero
  int64_t chunk = 0;         // a multiple of step, at most kCodeChunk, divides a group
  int64_t chunks_of_group = 0;
  int64_t outputs = 0, panels = 0;
  const uint8_t* codes = nullptr;  // (panels, inputs / step, 2, 16 outputs by step inputs)
  CodeScale scale_type = CodeScale::fp32;
  const void* scales = nullptr;   // (panels, groups, kCodePanel) of scale_type
  const int8_t* zeros = nullptr;  // (panels, groups, kCodePanel), or null: all in the middle

  int64_t chunks() const { return inputs / chunk; }
  int64_t groups() const { return chunks() / chunks_of_group; }
  int64_t block_bytes() const { return step * kCodePanel / 2 * bits / 8; }
  int64_t chunk_bytes() const { return chunk * kCodePanel * bits / 8; }
  const uint8_t* chunk_codes(int64_t panel, int64_t index) const {
    return codes + (panel * chunks() + index) * chunk_bytes();
  }
  // Index of the first scale of a chunk, and of its zero point.
  int64_t scale_index(int64_t panel, int64_t index) const {
    return (panel * groups() + index / chunks_of_group) * kCodePanel;
  }
};

// Activations as the kernels read them.
struct CodeInput {
  int64_t rows = 0;
  const uint16_t* bf16 = nullptr;  // (rows, inputs), for the tiles in the form of pack_left (matrix_tiles.h)
  const float* fp32 = nullptr;     // (rows, inputs)
  const float* totals = nullptr;   // (rows, chunks): sums of each chunk; null without zeros
};

// Activations in 8 bits: value = scale * code, a scale for each row and chunk.
struct Int8Input {
  int64_t rows = 0;
  const int8_t* codes = nullptr;    // (rows, inputs)
  const int8_t* tiles = nullptr;    // the same as [rows / 16][inputs / step][16][step], or null
  const float* scales = nullptr;    // (rows, chunks)
  const int32_t* totals = nullptr;  // (rows, chunks): sums of the codes
};

// Where the sums of a panel go.
struct CodeSums {
  float* data;
  int64_t stride;  // from one row to the next
};

}  // namespace swift::ops
