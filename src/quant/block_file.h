// The tensors of one block as a checkpoint holds them.
#pragma once
#include "model/packed/packed_linear.h"
#include "quant/block_job.h"

namespace swift::quant {

// Packed linears, and whole everything else, under their Hugging Face names.
model::NamedTensors block_tensors(const BlockJob& job);

// Puts such tensors into the block, unpacked in the model's type. Throws as model::read_packed, and for a
// tensor that is absent.
void read_block(model::Decoder& decoder, int64_t index, const model::TensorFiles& files,
                const model::PackedForm& form);

}  // namespace swift::quant
