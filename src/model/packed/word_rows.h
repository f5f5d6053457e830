// Codes of a checkpoint to the rows of ops::GroupedCodes without a byte for each code on the way: what
// loading a large model waits for.
#pragma once
#include "ops/torch.h"

namespace swift::model {

// int32 (rows, columns) to (columns, rows): GPTQ's words along the inputs.
at::Tensor transposed_words(const at::Tensor& words);

// AutoAWQ's int32 (in, out / 8) to uint8 (out, in / 2), as pack_bits(unpack_awq(words), 4). in is a multiple
// of 8.
at::Tensor awq_rows(const at::Tensor& words);

}  // namespace swift::model
