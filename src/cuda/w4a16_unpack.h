// Packed 4-bit weights (w4a16.h) back to 16 bits, for products with many rows.
#pragma once
#include "cuda/w4a16.h"

namespace swift::cuda {

// out (out, in) of `type`, fp16 or bf16, that of the scales: (code - zero) * scale, inputs in the order of
// the checkpoint. Starts on 8 bytes.
void unpack_int4(Type type, const PackedInt4& source, void* out, Stream stream);

}  // namespace swift::cuda
