#include <unistd.h>

#include <fstream>

#include "model/families.h"
#include "model/hf_config.h"
#include "model/load.h"
#include "models.h"
#include "ops/device_ops.h"

namespace swift::gpu_bench {
namespace {

using at::Tensor;

model::ModelSpec spec_of(const ModelSize& size) {
  const TemporaryFolder folder;
  const base::Json config = {{"architectures", {"Qwen3ForCausalLM"}},
                             {"model_type", "qwen3"},
                             {"hidden_size", size.hidden},
                             {"num_hidden_layers", size.layers},
                             {"intermediate_size", size.intermediate},
                             {"num_attention_heads", size.heads},
                             {"num_key_value_heads", size.kv_heads},
                             {"head_dim", size.head_dim},
                             {"vocab_size", size.vocab},
                             {"tie_word_embeddings", size.tied},
                             {"hidden_act", "silu"},
                             {"rms_norm_eps", 1e-6},
                             {"rope_theta", 1000000.0},
                             {"max_position_embeddings", 40960},
                             {"torch_dtype", "bfloat16"}};
  std::ofstream(folder.path() / "config.json") << config.dump();
  return model::read_spec(model::HfConfig::read(folder.path()));
}

// Codes of one shape serve all linears that have it: their values are not looked at.
ops::GroupedCodes random_codes(int64_t out, int64_t in) {
  constexpr int64_t kGroup = 128;
  ops::GroupedCodes codes;
  codes.in = in;
  codes.group = kGroup;
  codes.codes = at::randint(0, 256, {out, in / 2}, at::kByte);
  codes.scales = at::full({out, in / kGroup}, 0.005, at::kBFloat16);
  codes.zeros = at::full({out, in / kGroup}, 8, at::kByte);
  return codes;
}

void pack(model::Decoder& decoder, at::Device device) {
  std::map<std::pair<int64_t, int64_t>, ops::GroupedCodes> known;
  for (model::LinearLayer* linear : decoder.linears()) {
    const std::pair shape(linear->weight.size(0), linear->weight.size(1));
    if (!known.contains(shape)) known[shape] = random_codes(shape.first, shape.second);
    linear->keep_quantized(ops::device_ops(device)->grouped_weight(known[shape], at::kBFloat16, device));
  }
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "swift-bench-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr)
    throw base::Error(base::ExitCode::failure, "no temporary folder can be made");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

model::Decoder random_model(const ModelSize& size, at::Device device, bool int4) {
  const at::NoGradGuard no_grad;
  model::Decoder decoder = model::skeleton(spec_of(size));
  const auto options = at::TensorOptions(device).dtype(at::kBFloat16);
  decoder.visit([&](const std::string& name, Tensor& weight) {
    const bool matrix = weight.dim() == 2;
    const bool packed = int4 && matrix && name.find(".layers.") != std::string::npos;
    const Tensor values = at::empty(packed ? at::IntArrayRef({1, 1}) : weight.sizes(), options);
    if (matrix) {
      values.normal_(0, 0.02);
    } else {
      values.fill_(1);
    }
    weight = packed ? values.expand(weight.sizes()) : values;
  });
  if (size.tied) decoder.lm_head = decoder.embed_tokens;
  if (int4) pack(decoder, device);
  return decoder;
}

}  // namespace swift::gpu_bench
