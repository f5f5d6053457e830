// Which tensors a run trains.
#pragma once
#include <vector>

#include "config/task.h"
#include "model/adapter.h"
#include "train/optimizer.h"

namespace swift::train {

// The adapter that a task's settings describe.
model::LoraSettings lora_settings(const config::Task& task);

// Makes the trained tensors leaves that require a gradient and lists them. adapter null: the weights that the
// task's freezing leaves, copied out of the mapped file; the others stay mapped; Q-GaLore's linears keep INT8
// alone. Weight decay spares biases
// and norms, as transformers' get_decay_parameter_names does. LoRA+ multiplies the learning rate of B and of
// vectors, LoRA-FA leaves A out. Throws base::Error(usage) when nothing would be trained.
std::vector<Parameter> make_trainable(model::Decoder& decoder, const model::LoraSettings* adapter,
                                      const config::Task& task);

// Elements that make_trainable would train, changing nothing. Throws the same.
int64_t count_trained(model::Decoder& decoder, const model::LoraSettings* adapter, const config::Task& task);

}  // namespace swift::train
