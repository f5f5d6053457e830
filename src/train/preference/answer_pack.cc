#include "train/preference/answer_pack.h"

#include <algorithm>

#include "ops/linear_log_probs.h"
#include "ops/upload.h"

namespace swift::train::preference {

using at::Tensor;

namespace {

Tensor tensor_of(const std::vector<int64_t>& values) {
  return at::tensor(at::ArrayRef<int64_t>(values), at::kLong);
}

// Positions [from, to) of a sample as a segment; returns the rows that predict a trained token.
std::vector<int64_t> append_segment(AnswerPack& out, const data::Sample& sample, int64_t from, int64_t to,
                                    bool continues) {
  data::Pack& pack = out.pack;
  if (pack.cu_seqlens.empty()) pack.cu_seqlens.push_back(0);
  std::vector<int64_t> rows;
  const auto size = static_cast<int64_t>(sample.input_ids.size());
  for (int64_t i = from; i < to; ++i) {
    const int32_t label = i + 1 < size ? sample.labels[static_cast<size_t>(i + 1)] : data::kIgnore;
    if (label != data::kIgnore) rows.push_back(static_cast<int64_t>(pack.input_ids.size()));
    pack.input_ids.push_back(sample.input_ids[static_cast<size_t>(i)]);
    pack.labels.push_back(label);
    pack.position_ids.push_back(static_cast<int32_t>(i));
  }
  pack.trained_tokens += static_cast<int64_t>(rows.size());
  pack.cu_seqlens.push_back(static_cast<int32_t>(pack.input_ids.size()));
  out.continues.push_back(continues ? 1 : 0);
  return rows;
}

Tensor hidden_states(const model::Decoder& decoder, const AnswerPack& pack,
                     model::AttentionContext& attention, const model::Pass& pass) {
  return decoder.hidden_states(pack.pack.input_ids, pack.pack.position_ids, attention, pass);
}

}  // namespace

void append_answers(AnswerPack& out, std::initializer_list<const data::Sample*> answers) {
  const data::Sample& first = **answers.begin();
  int64_t shared = answers.size() > 1 ? static_cast<int64_t>(first.input_ids.size()) : 0;
  for (const data::Sample* other : answers) {
    if (other != &first) shared = std::min(shared, data::shared_tokens(first, *other));
  }
  const std::vector<int64_t> common =
      shared > 0 ? append_segment(out, first, 0, shared, false) : std::vector<int64_t>();
  for (const data::Sample* answer : answers) {
    const auto size = static_cast<int64_t>(answer->input_ids.size());
    const std::vector<int64_t> own = append_segment(out, *answer, shared, size, shared > 0);
    const int64_t index = out.answers();
    for (const auto* rows : {&common, &own}) {
      out.rows.insert(out.rows.end(), rows->begin(), rows->end());
      out.answer_of.insert(out.answer_of.end(), rows->size(), index);
    }
    out.counts.push_back(static_cast<int64_t>(common.size() + own.size()));
    out.last.push_back(out.tokens() - 1);
  }
}

model::PackedContext attention_of(const AnswerPack& pack) {
  return model::PackedContext(pack.pack.cu_seqlens, pack.continues);
}

Tensor row_log_probs(const model::Decoder& decoder, const AnswerPack& pack,
                     model::AttentionContext& attention, const model::Pass& pass) {
  const auto head = decoder.head_operands(hidden_states(decoder, pack, attention, pass), pass.dropout_key);
  const Tensor labels = at::tensor(at::ArrayRef<int32_t>(pack.pack.labels), at::kInt).to(at::kLong);
  // A number a token: what the losses make of them is computed in host memory.
  return ops::LinearLogProbs::forward(head.h, head.w, labels).cpu().index_select(0, tensor_of(pack.rows));
}

Tensor last_states(const model::Decoder& decoder, const AnswerPack& pack, model::AttentionContext& attention,
                   const model::Pass& pass) {
  const Tensor h = hidden_states(decoder, pack, attention, pass);
  return h.index_select(0, ops::uploaded(tensor_of(pack.last), h.device()));
}

Tensor answer_sums(const AnswerPack& pack, const Tensor& values, const Tensor& weights) {
  const Tensor terms = weights.defined() ? values * weights : values;
  return at::zeros({pack.answers()}, values.options()).index_add(0, tensor_of(pack.answer_of), terms);
}

Tensor answer_counts(const AnswerPack& pack) {
  return tensor_of(pack.counts).to(at::kFloat);
}

Tensor length_weights(const AnswerPack& pack, double alpha) {
  std::vector<float> weights;
  weights.reserve(pack.rows.size());
  for (int64_t answer = 0; answer < pack.answers(); ++answer) {
    const auto at = [&](int64_t i) { return pack.counts[static_cast<size_t>(i)]; };
    const int64_t both = std::min(at(answer), at(answer ^ 1));
    for (int64_t i = 0; i < at(answer); ++i) weights.push_back(i < both ? 1.0F : static_cast<float>(alpha));
  }
  return at::tensor(at::ArrayRef<float>(weights), at::kFloat);
}

}  // namespace swift::train::preference
