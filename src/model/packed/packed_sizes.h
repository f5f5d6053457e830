// What the packed linears of a checkpoint take in memory, from the shapes in its files alone.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "model/packed/packed_form.h"
#include "model/safetensors.h"

namespace swift::model {

// Bytes of read_packed()'s weights by module path: codes, scales, one byte a zero point, g_idx.
std::map<std::string, int64_t> packed_sizes(const TensorFiles& files, const PackedForm& form);

}  // namespace swift::model
