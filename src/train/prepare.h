// From a task to what the trainer needs: encoder, samples and the batches of its steps.
#pragma once
#include <memory>

#include "config/task.h"
#include "data/dataset.h"
#include "text/model_text.h"
#include "train/step_source.h"

namespace swift::train {

data::Encoder make_encoder(const config::Task& task, const text::ModelText& text, int64_t max_positions);

// Loads, encodes and inspects the datasets of the task; says on stderr what they hold, with a dump of the
// first sample. Throws base::Error(data).
data::Dataset prepare_dataset(const config::Task& task, const text::ModelText& text,
                              const data::Encoder& encoder);

// Where the task's rows come from and how they are encoded.
data::DatasetOptions dataset_options(const config::Task& task, const text::ModelText& text,
                                     const data::Encoder& encoder);
// The decoded sample on stderr, `title` before it.
void show_sample(const std::string& title, const data::Sample& sample, const text::ModelText& text);

struct TrainingData {
  data::Dataset dataset;              // train is empty where it is streamed
  std::unique_ptr<StepSource> steps;  // over dataset.train, which must stay, or over the files
};

// prepare_dataset with batches, or with streaming: the first sample is encoded and checked, and threads begin
// to read and encode. The encoder must outlive the result. Throws base::Error(data).
TrainingData prepare_data(const config::Task& task, const text::ModelText& text, const data::Encoder& encoder,
                          int64_t max_positions);

}  // namespace swift::train
