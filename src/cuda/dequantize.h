// 4-bit weights back to 16 or 32 bits: NF4 and FP4 of bitsandbytes (arXiv 2305.14314), AWQ "gemm" (arXiv
// 2306.00978) and GPTQ (arXiv 2210.17323) as their checkpoints hold them.
#pragma once
#include "cuda/types.h"

namespace swift::cuda {

// Two codes a byte, the first in the upper half; value = values[code] * scale of its block of 64. With double
// quantization the scale is scale_values[scale_codes[block]] * scale_magnitudes[block / 256] + scale_offset.
struct BlockCodes {
  Type type;             // of out
  const uint8_t* codes;  // ((count + 1) / 2), starts on 4 bytes
  const float* values;   // (16) the code
  const float* scales;   // (blocks), or null: double quantization
  const uint8_t* scale_codes;
  const float* scale_values;  // (256)
  const float* scale_magnitudes;
  float scale_offset;
  void* out;  // (count)
  int64_t count;
};
void dequantize_blocks(const BlockCodes& a, Stream stream);

enum class GroupLayout { awq, gptq };

// out (in, out) = (q - zero) * scale, groups of `group` inputs. The layouts of words of eight codes:
//   awq   qweight (in, out / 8), qzeros (in / group, out / 8); code i of a word is column 8 c + [0 2 4 6 1 3
//   5 7][i] gptq  qweight (in / 8, out), qzeros (in / group, out / 8), lowest bits first; `zero_offset` 1
//   when checkpoints
//         hold zero - 1 (all but gptq_v2), group of row i is g_idx[i] if given
struct GroupCodes {
  Type type;        // of out
  Type scale_type;  // fp16 or bf16
  GroupLayout layout;
  const uint32_t* qweight;
  const uint32_t* qzeros;
  const void* scales;    // (in / group, out)
  const int32_t* g_idx;  // (in), gptq with act-order, or null
  int zero_offset;
  void* out;               // (in, out)
  int in, columns, group;  // in, columns multiples of 8; awq: group of 4
};
void dequantize_groups(const GroupCodes& a, Stream stream);

}  // namespace swift::cuda
