#include "quant/gguf/types.h"

#include <array>

#include "base/error.h"

namespace swift::quant::gguf {
namespace {

struct Named {
  const char* key;
  const char* name;
  FileType type;
  TensorType matrices;
  uint32_t number;  // llama_ftype of llama.h
};

constexpr std::array<Named, 7> kTypes = {{
    {"f32", "F32", FileType::f32, TensorType::f32, 0},
    {"f16", "F16", FileType::f16, TensorType::f16, 1},
    {"bf16", "BF16", FileType::bf16, TensorType::bf16, 32},
    {"q8_0", "Q8_0", FileType::q8_0, TensorType::q8_0, 7},
    {"q4_0", "Q4_0", FileType::q4_0, TensorType::q4_0, 2},
    {"q4_k_m", "Q4_K_M", FileType::q4_k_m, TensorType::q4_k, 15},
    {"q4_k", "Q4_K_M", FileType::q4_k_m, TensorType::q4_k, 15},
}};

const Named& row_of(FileType type) {
  for (const Named& row : kTypes) {
    if (row.type == type) return row;
  }
  return kTypes.front();
}

// The first and last eighth of the layers, and every third of the others, get more bits.
bool sensitive(int64_t layer, int64_t layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

TensorType wanted(FileType type, Role role, int64_t columns, int64_t layer, int64_t layers) {
  const TensorType plain = row_of(type).matrices;
  if (type != FileType::q4_0 && type != FileType::q4_k_m) return plain;
  if (role == Role::output) return columns % info(plain).block == 0 ? TensorType::q6_k : TensorType::q8_0;
  const bool more = role == Role::attention_v || role == Role::ffn_down;
  return type == FileType::q4_k_m && more && sensitive(layer, layers) ? TensorType::q6_k : plain;
}

}  // namespace

FileType parse_file_type(const std::string& name) {
  for (const Named& row : kTypes) {
    if (name == row.key) return row.type;
  }
  throw base::Error(base::ExitCode::usage, "unknown gguf_type '" + name + "'", {},
                    "use f32, f16, bf16, q8_0, q4_0 or q4_k");
}

uint32_t number_of(FileType type) {
  return row_of(type).number;
}

const char* name_of(FileType type) {
  return row_of(type).name;
}

bool quantized(FileType type) {
  return info(row_of(type).matrices).block > 1;
}

TensorType matrix_type(FileType type, Role role, int64_t columns, int64_t layer, int64_t layers) {
  TensorType found = wanted(type, role, columns, layer, layers);
  if (columns % info(found).block == 0) return found;
  if (found == TensorType::q4_k) found = TensorType::q5_0;
  if (found == TensorType::q6_k) found = TensorType::q8_0;
  return columns % info(found).block == 0 ? found : TensorType::f16;
}

bool falls_back(FileType type, Role role, int64_t columns, int64_t layer, int64_t layers) {
  return matrix_type(type, role, columns, layer, layers) != wanted(type, role, columns, layer, layers);
}

}  // namespace swift::quant::gguf
