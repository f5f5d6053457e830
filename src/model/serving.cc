#include "model/serving.h"

#include "base/error.h"
#include "model/adapter.h"
#include "ops/packed_weight.h"

namespace swift::model {
namespace {

void require_plain(Decoder& adapted, const LoraSettings& settings, const std::filesystem::path& directory) {
  std::string fault;
  if (settings.dora) fault = "DoRA";
  if (!settings.modules_to_save.empty()) fault = "modules_to_save";
  if (settings.bias != "none") fault = "trained biases";
  if (settings.save_vocabulary || adapted.embed_lora || adapted.head_lora) fault = "an update of the vocabulary";
  if (fault.empty()) return;
  throw base::Error(base::ExitCode::model,
                    "the adapter has " + fault + ", which cannot share a base with other adapters",
                    {directory.string()}, "merge it with swift export --merge_lora true and serve the result");
}

}  // namespace

void lay_out_for_serving(Decoder& decoder) {
  for (LinearLayer* linear : decoder.linears()) {
    if (!linear->quantized) linear->keep_quantized(ops::pack_weight(linear->weight));
  }
  if (!decoder.head_lora) decoder.packed_head = ops::pack_weight(decoder.lm_head);
}

void serve_adapter(Decoder& decoder, const std::filesystem::path& directory, int32_t index) {
  Decoder adapted = decoder;  // shares the tensors
  for (LinearLayer* linear : adapted.linears()) linear->lora.reset();
  const LoraSettings settings = load_adapter(adapted, directory);
  require_plain(adapted, settings, directory);
  const auto from = adapted.linears(), to = decoder.linears();
  for (size_t i = 0; i < from.size(); ++i) {
    if (!from[i]->lora) continue;
    const LoraPair& pair = *from[i]->lora;
    const auto packed = [&](const at::Tensor& t) { return ops::pack_weight(t.to(decoder.dtype())); };
    to[i]->served[index] = {packed(pair.a), packed(pair.b), pair.scale};
  }
}

void drop_adapter(Decoder& decoder, int32_t index) {
  for (LinearLayer* linear : decoder.linears()) linear->served.erase(index);
}

}  // namespace swift::model
