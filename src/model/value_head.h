// The head of a reward model: one score a sequence, read at its last token. Files are those of transformers'
// …ForSequenceClassification with num_labels 1, and of PEFT over it (task_type SEQ_CLS).
#pragma once
#include "base/json.h"
#include "model/decoder.h"

namespace swift::model {

constexpr const char* kScoreName = "score";
constexpr const char* kScoreTensor = "base_model.model.score.weight";  // in an adapter's file

// Gives the decoder a head with values N(0, initializer_range) that depend on the seed alone, unless it has
// one; of the model's type, or fp32 beside an adapter.
void attach_value_head(Decoder& decoder, at::ScalarType dtype, uint64_t seed);

// Scores (rows) fp32 of hidden states after the final norm (rows, hidden). Differentiable.
at::Tensor scores_of(const Decoder& decoder, const at::Tensor& hidden);

// What config.json and adapter_config.json say of such a model.
void describe_value_head(base::Json& config);
void describe_value_adapter(base::Json& config);

}  // namespace swift::model
