// Low-rank updates and whole weights of the embeddings and the output head, as PEFT attaches and files them.
#pragma once
#include "model/adapter.h"

namespace swift::model {

constexpr std::string_view kEmbedName = "model.embed_tokens";
constexpr std::string_view kHeadName = "lm_head";

// Fresh pairs: of the embeddings A zero and B N(0, 1), of the head as any linear. Throws base::Error(usage):
// DoRA or PiSSA, a rank above the matrix.
LoraPair fresh_embedding_pair(const Decoder& decoder, const LoraSettings& settings, uint64_t seed);
LoraPair fresh_head_pair(const Decoder& decoder, const LoraSettings& settings, uint64_t seed);
// The same with values still to be read from a file. Throws base::Error(model).
LoraPair empty_embedding_pair(const Decoder& decoder, const LoraSettings& settings);
LoraPair empty_head_pair(const Decoder& decoder, const LoraSettings& settings);

// The pairs under PEFT's names, and what PEFT saves with them: the base weight of each targeted end.
void append_vocabulary_tensors(const Decoder& decoder, NamedTensors& tensors);
void append_base_weights(const Decoder& decoder, const LoraSettings& settings, NamedTensors& tensors);

// Takes embeddings and head that the adapter's file holds and that it does not train: PEFT saves those that
// are targeted, and both of a resized base (which sets settings.save_vocabulary). More rows than the decoder
// has resize it.
void take_base_weights(Decoder& decoder, LoraSettings& settings, const TensorFiles& files);
// Whether the tensor is one that PEFT may save of an end beside what is trained.
bool is_base_weight(const std::string& name);

// Adds both updates to their weights. Ends that were tied come apart.
void merge_vocabulary(Decoder& decoder);

// Gives the vocabulary as many rows; new ones are the mean of the old, up to the noise of variance 1e-9 that
// transformers' mean_resizing adds. Does nothing when there are as many already.
void resize_vocabulary(Decoder& decoder, int64_t rows);
// Rows for that many tokens: what the model has when it suffices, else the next multiple of 128.
int64_t vocabulary_rows(const Decoder& decoder, int64_t tokens);

// New tokens are learnt by embeddings and head that are trained: adds to modules_to_save those that no
// setting trains. A tied head stays tied.
void train_new_rows(const Decoder& decoder, LoraSettings& settings);

}  // namespace swift::model
