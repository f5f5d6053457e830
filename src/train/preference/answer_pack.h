// Answers in one packed pass, those to one prompt behind one copy of it.
#pragma once
#include <initializer_list>
#include <vector>

#include "data/preferences.h"
#include "model/decoder.h"

namespace swift::train::preference {

struct AnswerPack {
  data::Pack pack;                 // labels as shifted; cu_seqlens bound segments
  std::vector<uint8_t> continues;  // (segments) 1: sees the shared prefix before it
  // Trained tokens, one answer after another: the row of the pack that predicts each, and its answer. A
  // trained token that answers share stands in each of them.
  std::vector<int64_t> rows, answer_of;
  std::vector<int64_t> counts;  // (answers) trained tokens
  std::vector<int64_t> last;    // (answers) row of the last token
  int64_t answers() const { return static_cast<int64_t>(counts.size()); }
  int64_t tokens() const { return static_cast<int64_t>(pack.input_ids.size()); }
};

// Appends answers as [what they share | rest of the first | rest of the second …].
void append_answers(AnswerPack& pack, std::initializer_list<const data::Sample*> answers);

// The context in which the pack's segments see their prefixes.
model::PackedContext attention_of(const AnswerPack& pack);

// Log-probabilities of `rows`, fp32 (rows). With pass.recompute, `attention` must outlive the backward pass.
at::Tensor row_log_probs(const model::Decoder& decoder, const AnswerPack& pack,
                         model::AttentionContext& attention, const model::Pass& pass);
// Hidden states at `last` (answers, hidden).
at::Tensor last_states(const model::Decoder& decoder, const AnswerPack& pack,
                       model::AttentionContext& attention, const model::Pass& pass);

// Sums of values (rows) over each answer: (answers). weights (rows) or undefined.
at::Tensor answer_sums(const AnswerPack& pack, const at::Tensor& values, const at::Tensor& weights = {});
// counts as a tensor (answers) fp32.
at::Tensor answer_counts(const AnswerPack& pack);

// LD-DPO (arXiv 2409.06411): 1 for an answer's tokens up to the length of the shorter answer of its pair
// (answers 2 i and 2 i + 1), alpha behind it. (rows)
at::Tensor length_weights(const AnswerPack& pack, double alpha);

}  // namespace swift::train::preference
