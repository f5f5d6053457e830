// Which tensors a run trains.
#pragma once
#include <vector>

#include "model/adapter.h"
#include "train/optimizer.h"

namespace swift::train {

// Makes the trained tensors leaves that require a gradient and lists them. adapter null: every weight, copied
// out of the mapped file. Weight decay spares biases and norms, as transformers' get_decay_parameter_names
// does.
std::vector<Parameter> make_trainable(model::Decoder& decoder, const model::LoraSettings* adapter);

}  // namespace swift::train
