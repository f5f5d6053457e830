// From a task to what the trainer needs: encoder and samples.
#pragma once
#include "config/task.h"
#include "data/dataset.h"
#include "text/model_text.h"

namespace swift::train {

data::Encoder make_encoder(const config::Task& task, const text::ModelText& text, int64_t max_positions);

// Loads, encodes and inspects the datasets of the task; says on stderr what they hold, with a dump of the
// first sample. Throws base::Error(data).
data::Dataset prepare_dataset(const config::Task& task, const text::ModelText& text,
                              const data::Encoder& encoder);

}  // namespace swift::train
