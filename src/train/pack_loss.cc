#include "train/pack_loss.h"

namespace swift::train {
using at::Tensor;
namespace {

template <class T>
Tensor tensor_of(const std::vector<T>& values, at::ScalarType type) {
  return at::from_blob(const_cast<T*>(values.data()), {static_cast<int64_t>(values.size())},
                       c10::CppTypeToScalarType<T>::value)
      .to(type, false, true);
}

}  // namespace

Tensor pack_loss(const model::Decoder& decoder, const data::Pack& pack, model::AttentionContext& attention,
                 double scale, const model::Pass& pass, const ops::LossShape& shape, ChannelLoss* channels) {
  const Tensor h = decoder.hidden_states(pack.input_ids, pack.position_ids, attention, pass);
  ops::TokenTerms terms;
  if (!pack.weights.empty()) terms.weights = tensor_of(pack.weights, at::kFloat);
  if (channels != nullptr) terms.losses = at::empty({h.size(0)}, at::kFloat);
  const Tensor labels = tensor_of(pack.labels, at::kLong);
  const auto head = decoder.head_operands(h, pass.dropout_key);
  const Tensor loss = ops::LinearCrossEntropy::forward(head.h, head.w, labels, scale, shape, terms);
  if (channels != nullptr) channels->add(pack, terms.losses);
  return loss;
}

}  // namespace swift::train
