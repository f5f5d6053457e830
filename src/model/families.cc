#include "model/families.h"

namespace swift::model {
namespace {

struct Family {
  const char* architecture;
  ModelSpec (*read)(const HfConfig&);
};

constexpr Family kFamilies[] = {
    {"LlamaForCausalLM", llama},
    {"Qwen2ForCausalLM", qwen2},
    {"Qwen3ForCausalLM", qwen3},
    {"Qwen3MoeForCausalLM", qwen3_moe},
};

// Far above any model, far below what would exhaust memory before the weights are looked at.
constexpr int64_t kMaxLayers = 10'000;

RopeSpec read_rope(const HfConfig& config, int64_t max_positions) {
  const base::Json rope = config.rope();
  const auto number = [&](const char* key, double fallback) {
    if (!rope.contains(key) || rope.at(key).is_null()) return fallback;
    if (!rope.at(key).is_number()) config.fail(std::string("rope parameter '") + key + "' must be a number");
    return rope.at(key).get<double>();
  };
  RopeSpec spec;
  spec.theta = number("rope_theta", 10000.0);
  spec.factor = number("factor", 1.0);
  spec.low_freq_factor = number("low_freq_factor", 1.0);
  spec.high_freq_factor = number("high_freq_factor", 4.0);
  spec.original_positions =
      static_cast<int64_t>(number("original_max_position_embeddings", static_cast<double>(max_positions)));
  const std::string type =
      rope.at("rope_type").is_string() ? rope.at("rope_type").get<std::string>() : "default";
  if (type == "default") {
    spec.type = RopeSpec::Type::plain;
  } else if (type == "linear") {
    spec.type = RopeSpec::Type::linear;
  } else if (type == "llama3") {
    spec.type = RopeSpec::Type::llama3;
  } else {
    config.fail("rope type '" + type + "' is not supported", "supported: default, linear, llama3");
  }
  return spec;
}

void check(const HfConfig& config, const ModelSpec& spec) {
  const auto& a = spec.attention;
  if (spec.vocab < 1 || spec.hidden < 1 || spec.layers < 1 || spec.intermediate < 1 || a.heads < 1 ||
      a.head_dim < 1) {
    config.fail("sizes must be positive");
  }
  if (spec.layers > kMaxLayers) config.fail("num_hidden_layers is implausible");
  if (spec.norm_eps <= 0) config.fail("rms_norm_eps must be positive");
  if (spec.rope.theta <= 0 || spec.rope.factor <= 0)
    config.fail("rope_theta and its factor must be positive");
  if (a.kv_heads < 1 || a.heads % a.kv_heads != 0)
    config.fail("num_key_value_heads must divide num_attention_heads");
  if (a.head_dim % 2 != 0) config.fail("head_dim must be even for rotary embeddings");
  const std::string act = config.text("hidden_act", "silu");
  if (act != "silu") config.fail("hidden_act '" + act + "' is not supported", "supported: silu");
}

}  // namespace

ModelSpec llama_like(const HfConfig& config) {
  ModelSpec spec;
  spec.architecture = config.architecture();
  spec.vocab = config.integer("vocab_size");
  spec.hidden = config.integer("hidden_size");
  spec.layers = config.integer("num_hidden_layers");
  spec.intermediate = config.integer("intermediate_size");
  spec.max_positions = config.integer("max_position_embeddings", 2048);
  spec.norm_eps = config.number("rms_norm_eps", 1e-6);
  spec.tied_embeddings = config.boolean("tie_word_embeddings", false);
  spec.initializer_range = config.number("initializer_range", 0.02);
  spec.attention.heads = config.integer("num_attention_heads");
  if (spec.attention.heads < 1) config.fail("num_attention_heads must be positive");
  spec.attention.kv_heads = config.integer("num_key_value_heads", spec.attention.heads);
  spec.attention.head_dim = config.integer("head_dim", spec.hidden / spec.attention.heads);
  spec.rope = read_rope(config, spec.max_positions);
  return spec;
}

namespace {

// A reward model has the decoder of its language model and another head.
constexpr std::string_view kLanguageModel = "ForCausalLM";
constexpr std::string_view kRewardModel = "ForSequenceClassification";

std::string language_model_of(std::string architecture) {
  if (!architecture.ends_with(kRewardModel)) return architecture;
  return architecture.replace(architecture.size() - kRewardModel.size(), kRewardModel.size(), kLanguageModel);
}

int64_t scores_of(const HfConfig& config) {
  if (!config.architecture().ends_with(kRewardModel)) return 0;
  // transformers writes num_labels as the size of id2label.
  const auto labels = config.json().find("id2label");
  const auto count = labels != config.json().end() && labels->is_object()
                         ? static_cast<int64_t>(labels->size())
                         : config.integer("num_labels", 2);
  if (count != 1) config.fail("only reward models with one score are supported (num_labels 1)");
  return count;
}

}  // namespace

ModelSpec read_spec(const HfConfig& config) {
  const std::string architecture = language_model_of(config.architecture());
  for (const Family& family : kFamilies) {
    if (architecture != family.architecture) continue;
    ModelSpec spec = family.read(config);
    spec.scores = scores_of(config);
    check(config, spec);
    return spec;
  }
  std::string known;
  for (const std::string& name : supported_architectures()) known += (known.empty() ? "" : ", ") + name;
  config.fail("architecture '" + architecture + "' is not supported", "supported: " + known);
}

std::vector<std::string> supported_architectures() {
  std::vector<std::string> names;
  for (const Family& family : kFamilies) names.emplace_back(family.architecture);
  return names;
}

}  // namespace swift::model
