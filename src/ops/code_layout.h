// Where the codes of a grouped weight lie for serving: in the order in which the kernels read them, so that a
// product reads groups of up to four panels of 32 outputs from end to end.
#pragma once
#include <algorithm>
#include <cstdint>

namespace swift::ops {

constexpr int64_t kCodePanel = 32;   // outputs of a panel
constexpr int64_t kGroupPanels = 4;  // panels that lie side by side; the last group has those that are left
constexpr int64_t kCodeStep = 32;    // a chunk is a multiple of these inputs
constexpr int64_t kCodeChunk = 128;  // most inputs that are summed before their scale is applied
constexpr int64_t kCodeLine = 64;    // bytes: codes of 16 outputs

enum class CodeScale { fp32, fp16, bf16 };

// What a code stands for: a whole number of 4 or 8 bits, or an 8-bit float (E4M3, "fn": no infinities).
enum class CodeForm { four_bit, eight_bit, fp8 };

// value = scale * (code - zero), whole numbers counted from the middle, 2^(bits - 1); fp8 has no zero points.
// Codes lie in lines of 64 bytes: one after another along the inputs, the two halves (16 outputs) of each
// panel of the group side by side. A line is 16 words:
//   floating activations: with 4 bits a word is 8 inputs of one output, even ones in the lower half, odd ones
//   in the upper, the first lowest; with 8 bits a line is two rows of 16 half words, each two inputs of one
//   output, whole numbers counted from the middle. 8-bit activations: with 4 bits a word is 8 inputs of one
//   output, the first four in the lower halves of the bytes, the last four in the upper; with 8 bits 4
//   inputs. Codes as they are.
struct CodeLayout {
  CodeForm form = CodeForm::four_bit;
  bool for_int8 = false;  // the order is that for 8-bit activations
  int64_t inputs = 0;     // a multiple of chunk: behind the weight's own, codes and activations are zero
  int64_t chunk = 0;      // a multiple of kCodeStep, at most kCodeChunk, divides a group of a scale
  int64_t chunks_of_group = 0;
  int64_t outputs = 0, panels = 0;
  const uint8_t* codes = nullptr;  // (panel groups, inputs / line_inputs, panels of the group, 2, kCodeLine)
  CodeScale scale_type = CodeScale::fp32;
  const void* scales = nullptr;   // (panels, groups, kCodePanel) of scale_type
  const int8_t* zeros = nullptr;  // (panels, groups, kCodePanel), or null: all in the middle

  int64_t bits() const { return form == CodeForm::four_bit ? 4 : 8; }
  int64_t chunks() const { return inputs / chunk; }
  int64_t groups() const { return chunks() / chunks_of_group; }
  int64_t line_inputs() const { return kCodeLine * 8 / 16 / bits(); }
  int64_t panel_bytes() const { return inputs * kCodePanel * bits() / 8; }
  int64_t bytes() const { return panels * panel_bytes(); }
  // Panels that lie side by side with this one, and bytes from a line to the next along the inputs.
  int64_t group_panels(int64_t panel) const {
    return std::min(kGroupPanels, panels - panel / kGroupPanels * kGroupPanels);
  }
  int64_t line_stride(int64_t panel) const { return group_panels(panel) * 2 * kCodeLine; }
  // Bytes to the first line of a chunk of a panel; the other half's is a line behind it.
  int64_t chunk_offset(int64_t panel, int64_t index) const {
    const int64_t lines = index * chunk / line_inputs();
    return panel / kGroupPanels * kGroupPanels * panel_bytes() + lines * line_stride(panel) +
           panel % kGroupPanels * 2 * kCodeLine;
  }
  const uint8_t* chunk_codes(int64_t panel, int64_t index) const {
    return codes + chunk_offset(panel, index);
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

// Panels that a kernel multiplies in one call.
struct PanelRange {
  int64_t begin, end;
};

// Where the sums of the panels go: those of the first at `data`, the others beside it.
struct CodeSums {
  float* data;
  int64_t stride;  // from one row to the next
};

}  // namespace swift::ops
