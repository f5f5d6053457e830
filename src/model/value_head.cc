#include "model/value_head.h"

#include "base/rng.h"

namespace swift::model {

using at::Tensor;

void attach_value_head(Decoder& decoder, at::ScalarType dtype, uint64_t seed) {
  if (decoder.score.defined()) return;
  const Tensor values = at::empty({1, decoder.spec.hidden}, at::kFloat);
  // Far from the numbers of the weights themselves.
  const base::Stream stream(seed, base::Purpose::weight_init, uint64_t{1} << 40U);
  auto* data = values.data_ptr<float>();
  for (int64_t i = 0; i < values.numel(); ++i)
    data[i] = static_cast<float>(stream.normal(static_cast<uint64_t>(i)) * decoder.spec.initializer_range);
  decoder.score = values.to(dtype);
}

Tensor scores_of(const Decoder& decoder, const Tensor& hidden) {
  return at::linear(hidden.to(at::kFloat), decoder.score.to(at::kFloat)).squeeze(1);
}

void describe_value_head(base::Json& config) {
  std::string architecture = config.at("architectures").at(0).get<std::string>();
  constexpr std::string_view kLanguageModel = "ForCausalLM";
  if (architecture.ends_with(kLanguageModel))
    architecture.replace(architecture.size() - kLanguageModel.size(), kLanguageModel.size(),
                         "ForSequenceClassification");
  config["architectures"] = {architecture};
  config["id2label"] = {{"0", "LABEL_0"}};
  config["label2id"] = {{"LABEL_0", 0}};
  // transformers finds the last token of a padded row by this id.
  if (config.contains("pad_token_id") && !config.at("pad_token_id").is_null()) return;
  const base::Json eos = config.value("eos_token_id", base::Json());
  config["pad_token_id"] = eos.is_array() && !eos.empty() ? eos[0] : eos;
}

void describe_value_adapter(base::Json& config) {
  config["task_type"] = "SEQ_CLS";
  if (config.at("modules_to_save").is_null()) config["modules_to_save"] = base::Json::array();
  config["modules_to_save"].push_back(kScoreName);
}

}  // namespace swift::model
