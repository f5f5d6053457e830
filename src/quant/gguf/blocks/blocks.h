// Rows of fp32 to the blocks of a GGUF file, each bit as ggml's reference quantizers give it
// (ggml-quants.c, quantize_row_*_ref; layouts of ggml-common.h). These files are compiled without fused
// multiply-add, as that reference is.
#pragma once
#include <cstdint>

namespace swift::quant::gguf {

// Numbers are those of ggml_type.
enum class TensorType : uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q5_0 = 6,
  q8_0 = 8,
  q4_k = 12,
  q6_k = 14,
  bf16 = 30,
};

struct TypeInfo {
  const char* name;
  int64_t block;  // values of a block
  int64_t bytes;  // of a block
};
const TypeInfo& info(TensorType type);

// x (count) to count / block blocks at `out`. count must be a multiple of the block, values finite.
void encode(TensorType type, const float* x, int64_t count, uint8_t* out);

// Parts of encode(): `blocks` blocks each.
void encode_q4_k(const float* x, int64_t blocks, uint8_t* out);
void encode_q6_k(const float* x, int64_t blocks, uint8_t* out);

}  // namespace swift::quant::gguf
