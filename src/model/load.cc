#include "model/load.h"

#include <map>
#include <sstream>

#include "base/format.h"
#include "base/log.h"
#include "base/rng.h"
#include "model/families.h"
#include "model/packed/packed_linear.h"
#include "model/value_head.h"

namespace swift::model {
namespace fs = std::filesystem;
using at::Tensor;
using base::cat;
using base::ExitCode;

Decoder skeleton(const ModelSpec& spec) {
  Decoder decoder;
  decoder.spec = spec;
  const auto& a = spec.attention;
  const int64_t q_size = a.heads * a.head_dim, kv_size = a.kv_heads * a.head_dim;
  const auto shaped = [](at::IntArrayRef shape) {
    return at::empty(shape, at::TensorOptions().device(at::kMeta));
  };
  decoder.embed_tokens = shaped({spec.vocab, spec.hidden});
  decoder.norm = shaped({spec.hidden});
  decoder.lm_head = shaped({spec.vocab, spec.hidden});
  if (spec.scores > 0) decoder.score = shaped({spec.scores, spec.hidden});
  for (int64_t i = 0; i < spec.layers; ++i) {
    const std::string prefix = cat("model.layers.", i, ".");
    const auto linear = [&](const std::string& name, int64_t out, int64_t in, bool bias) {
      return LinearLayer{prefix + name, shaped({out, in}), bias ? shaped({out}) : Tensor(), std::nullopt};
    };
    Block block;
    block.q = linear("self_attn.q_proj", q_size, spec.hidden, a.qkv_bias);
    block.k = linear("self_attn.k_proj", kv_size, spec.hidden, a.qkv_bias);
    block.v = linear("self_attn.v_proj", kv_size, spec.hidden, a.qkv_bias);
    block.o = linear("self_attn.o_proj", spec.hidden, q_size, a.o_bias);
    const auto mlp = [&](const std::string& name, int64_t intermediate, bool bias) {
      return Expert{linear(name + "gate_proj", intermediate, spec.hidden, bias),
                    linear(name + "up_proj", intermediate, spec.hidden, bias),
                    linear(name + "down_proj", spec.hidden, intermediate, bias)};
    };
    if (spec.moe.at(i)) {
      block.router = shaped({spec.moe.experts, spec.hidden});
      for (int64_t e = 0; e < spec.moe.experts; ++e)
        block.experts.push_back(mlp(cat("mlp.experts.", e, "."), spec.moe.intermediate, false));
    } else {
      Expert dense = mlp("mlp.", spec.intermediate, spec.mlp_bias);
      block.gate = std::move(dense.gate), block.up = std::move(dense.up), block.down = std::move(dense.down);
    }
    block.input_norm = shaped({spec.hidden});
    block.post_attention_norm = shaped({spec.hidden});
    if (a.qk_norm == QkNorm::per_head)
      block.q_norm = shaped({a.head_dim}), block.k_norm = shaped({a.head_dim});
    decoder.blocks.push_back(std::move(block));
  }
  return decoder;
}

namespace {

constexpr int64_t kShardBytes = 5'000'000'000;
constexpr std::string_view kWeight = ".weight";

std::string shape_text(at::IntArrayRef shape) {
  std::ostringstream text;
  text << shape;
  return text.str();
}

Tensor checked(const TensorFiles& files, const std::string& name, const Tensor& expected,
               at::ScalarType dtype) {
  const Tensor found = find_weight(files, name);
  if (found.sizes() != expected.sizes()) {
    throw base::Error(ExitCode::model,
                      cat("tensor '", name, "' has shape ", shape_text(found.sizes()),
                          ", config.json asks for ", shape_text(expected.sizes())),
                      {files.origin()});
  }
  if (!at::isFloatingType(found.scalar_type())) {
    throw base::Error(ExitCode::model, cat("tensor '", name, "' is not of a floating type"),
                      {files.origin()});
  }
  return found.to(dtype);
}

std::map<std::string, LinearLayer*> linears_by_weight(Decoder& decoder) {
  std::map<std::string, LinearLayer*> found;
  for (LinearLayer* linear : decoder.linears()) found.emplace(linear->name + ".weight", linear);
  return found;
}

// The weights as they are written: those that are quantized are unpacked when their turn comes.
std::vector<LazyTensor> written_weights(const Decoder& decoder) {
  const auto linears = linears_by_weight(const_cast<Decoder&>(decoder));
  std::vector<LazyTensor> written;
  for (auto& [name, tensor] : decoder.weights()) {
    const auto linear = linears.find(name);
    const bool packed = linear != linears.end() && linear->second->quantized;
    written.push_back({name, tensor.scalar_type(), tensor.sizes().vec(),
                       [tensor = tensor, layer = packed ? linear->second : nullptr] {
                         return layer == nullptr ? tensor : layer->full_weight();
                       }});
  }
  return written;
}

bool is_tokenizer_file(const std::string& name) {
  static const char* const kNames[] = {"tokenizer.json",
                                       "tokenizer_config.json",
                                       "special_tokens_map.json",
                                       "added_tokens.json",
                                       "chat_template.jinja",
                                       "generation_config.json",
                                       "vocab.json",
                                       "merges.txt"};
  for (const char* known : kNames) {
    if (name == known) return true;
  }
  return false;
}

}  // namespace

std::optional<at::ScalarType> parse_dtype(const std::string& name) {
  if (name.empty() || name == "auto") return std::nullopt;
  if (name == "float32") return at::kFloat;
  if (name == "bfloat16") return at::kBFloat16;
  if (name == "float16") return at::kHalf;
  throw base::Error(ExitCode::usage, "unknown type '" + name + "'", {}, "use float32, bfloat16 or float16");
}

std::string dtype_name(at::ScalarType type) {
  return type == at::kFloat ? "float32" : type == at::kBFloat16 ? "bfloat16" : "float16";
}

Decoder load_decoder(const fs::path& directory, std::optional<at::ScalarType> dtype,
                     const std::optional<BaseQuantization>& base, const ReadyWeights& ready) {
  const HfConfig config = HfConfig::read(directory);
  Decoder decoder = skeleton(read_spec(config));
  const at::ScalarType type = dtype ? *dtype : parse_dtype(config.dtype()).value_or(at::kFloat);
  const auto form = read_packed_form(config);
  if (form && base) {
    config.fail("the model is quantized already (" + kind_name(form->kind) + ")",
                "remove quant_method: its weights stay packed as they are");
  }
  const TensorFiles files = TensorFiles::from_directory(directory);
  const auto linears = linears_by_weight(decoder);
  decoder.visit([&](const std::string& name, Tensor& weight) {
    const auto linear = linears.find(name);
    const bool is_weight = name.ends_with(kWeight);
    const std::string module = is_weight ? name.substr(0, name.size() - kWeight.size()) : name;
    if (form && is_weight && is_packed(files, module, *form)) {
      ops::QuantizedPtr packed;
      if (ready && linear != linears.end()) packed = ready(module, weight.sizes(), type);
      if (!packed) packed = read_packed(files, module, weight.sizes(), *form, type);
      for (const std::string& part : packed_names(files, module)) files.release(part);
      weight = at::empty({0}, type);
      if (linear == linears.end()) {
        weight = packed->unpack(type);
      } else {
        linear->second->keep_quantized(packed);
      }
      return;
    }
    weight = checked(files, name, weight, type);
    if (!base || linear == linears.end()) return;
    linear->second->keep_quantized(quantize(weight, *base));
    files.release(name);
  });
  // A reward model's file has no head over the vocabulary.
  if (decoder.spec.tied_embeddings || decoder.score.defined()) decoder.lm_head = decoder.embed_tokens;
  return decoder;
}

Decoder random_decoder(const fs::path& directory, at::ScalarType dtype, uint64_t seed) {
  Decoder decoder = skeleton(read_spec(HfConfig::read(directory)));
  uint64_t stream_number = 0;
  decoder.visit([&](const std::string& name, Tensor& weight) {
    const Tensor values = at::empty(weight.sizes(), at::kFloat);
    const base::Stream stream(seed, base::Purpose::weight_init, stream_number++);
    auto* data = values.data_ptr<float>();
    const bool matrix = values.dim() == 2;
    const float constant = name.ends_with(".bias") ? 0.0F : 1.0F;
    for (int64_t i = 0; i < values.numel(); ++i) {
      data[i] =
          matrix
              ? static_cast<float>(stream.normal(static_cast<uint64_t>(i)) * decoder.spec.initializer_range)
              : constant;
    }
    weight = values.to(dtype);
  });
  if (decoder.spec.tied_embeddings) decoder.lm_head = decoder.embed_tokens;
  return decoder;
}

void save_model(const Decoder& decoder, const fs::path& source, const fs::path& target) {
  base::Json config = HfConfig::read(source).json();
  config.erase("torch_dtype");
  config["dtype"] = dtype_name(decoder.dtype());
  config["tie_word_embeddings"] = decoder.spec.tied_embeddings;
  config["vocab_size"] = decoder.embed_tokens.size(0);
  if (decoder.score.defined()) describe_value_head(config);
  config.erase("quantization_config");
  write_weights(written_weights(decoder), target);
  base::write_file_atomic(target / "config.json", config.dump(2) + "\n");
  copy_text_files(source, target);
}

void write_weights(std::vector<LazyTensor> weights, const fs::path& target) {
  std::vector<std::vector<LazyTensor>> shards(1);
  int64_t size = 0, total = 0;
  for (LazyTensor& weight : weights) {
    const int64_t bytes = weight.bytes();
    if (size > 0 && size + bytes > kShardBytes) shards.emplace_back(), size = 0;
    size += bytes, total += bytes;
    shards.back().push_back(std::move(weight));
  }
  if (shards.size() == 1) {
    save_safetensors(target / "model.safetensors", shards[0]);
  } else {
    base::Json index = {{"metadata", {{"total_size", total}}}, {"weight_map", base::Json::object()}};
    for (size_t i = 0; i < shards.size(); ++i) {
      std::array<char, 64> name{};
      std::snprintf(name.data(), name.size(), "model-%05zu-of-%05zu.safetensors", i + 1, shards.size());
      save_safetensors(target / name.data(), shards[i]);
      for (const LazyTensor& weight : shards[i]) index["weight_map"][weight.name] = name.data();
    }
    base::write_file_atomic(target / "model.safetensors.index.json", index.dump(2) + "\n");
  }
}

void copy_text_files(const fs::path& source, const fs::path& target) {
  for (const auto& entry : fs::directory_iterator(source)) {
    if (is_tokenizer_file(entry.path().filename())) {
      fs::copy_file(entry.path(), target / entry.path().filename(), fs::copy_options::overwrite_existing);
    }
  }
}

}  // namespace swift::model
