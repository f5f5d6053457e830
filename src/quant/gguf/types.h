// Which type each tensor of a GGUF file has: the mixes of llama.cpp's llama-quantize (src/llama-quant.cpp),
// without an importance matrix.
#pragma once
#include <cstdint>
#include <string>

#include "quant/gguf/blocks/blocks.h"

namespace swift::quant::gguf {

enum class FileType { f32, f16, bf16, q8_0, q4_0, q4_k_m };

// "f32" to "q4_k_m"; "q4_k" is q4_k_m. Throws base::Error(usage).
FileType parse_file_type(const std::string& name);
// The value of general.file_type.
uint32_t number_of(FileType type);
// As file names have it, "Q4_K_M".
const char* name_of(FileType type);
bool quantized(FileType type);

// What a matrix is, as far as the mixes care. output: the matrix of the logits, also when it is that of the
// embeddings.
enum class Role { output, attention_v, ffn_down, other };

// The type of a matrix with rows of `columns` values in layer `layer` of `layers`. Where the row is no
// multiple of the type's block, the type that llama-quantize falls back to.
TensorType matrix_type(FileType type, Role role, int64_t columns, int64_t layer, int64_t layers);
// Whether matrix_type() had to fall back from this mix.
bool falls_back(FileType type, Role role, int64_t columns, int64_t layer, int64_t layers);

}  // namespace swift::quant::gguf
