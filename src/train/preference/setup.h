// A preference run from its task: data and steps, then with the model loaded the objective.
#pragma once
#include <memory>

#include "config/task.h"
#include "data/encode.h"
#include "data/preferences.h"
#include "model/adapter.h"
#include "text/model_text.h"
#include "train/objective.h"
#include "train/plan/plan.h"
#include "train/step_source.h"

namespace swift::train::preference {

// Loads, encodes and checks the rows of the task's method; shows the first. Throws base::Error(data).
std::unique_ptr<const data::PreferenceDataset> prepare_rows(const config::Task& task,
                                                            const text::ModelText& text,
                                                            const data::Encoder& encoder);

// rows must outlive the result. max_positions: the model's, where the task gives no length.
std::unique_ptr<StepSource> make_steps(const config::Task& task, const data::PreferenceDataset& rows,
                                       int64_t max_positions);

// The largest micro-batch of the run, for its plan.
BatchShape largest_batch(const config::Task& task, const data::PreferenceDataset& rows,
                         int64_t max_positions);

// decoder: with its adapter, if any, and for rm with its value head; rows and decoder must outlive the
// result. Loads the reference, or makes or finds its log-probabilities on disk. Throws base::Error.
std::unique_ptr<Objective> make_objective(const config::Task& task, model::Decoder& decoder,
                                          const model::LoraSettings* adapter,
                                          const data::PreferenceDataset& rows);

}  // namespace swift::train::preference
