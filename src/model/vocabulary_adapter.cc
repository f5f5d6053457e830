#include "model/vocabulary_adapter.h"

#include <algorithm>

#include "base/format.h"
#include "model/adapter_init.h"
#include "model/adapter_parts.h"
#include "model/pattern.h"

namespace swift::model {
using at::Tensor;
using base::cat;
using base::ExitCode;
namespace {

constexpr int64_t kRowMultiple = 128;

// The ends are no LinearLayer of the decoder; their pairs are made by one of the same name and sizes.
LinearLayer stand_in(std::string_view name, int64_t out, int64_t in) {
  const auto options = at::TensorOptions().dtype(at::kFloat).device(at::kMeta);
  return {std::string(name), at::empty({out, in}, options), Tensor(), std::nullopt};
}

// The table maps a one-hot vector of the vocabulary to an embedding.
LinearLayer embedding_layer(const Decoder& decoder) {
  return stand_in(kEmbedName, decoder.embed_tokens.size(1), decoder.embed_tokens.size(0));
}

LinearLayer head_layer(const Decoder& decoder) {
  return stand_in(kHeadName, decoder.lm_head.size(0), decoder.lm_head.size(1));
}

void check_variant(const LoraSettings& settings, std::string_view name) {
  const char* variant = settings.dora             ? "use_dora"
                        : is_pissa(settings.init) ? "init_weights: pissa"
                                                  : nullptr;
  if (variant == nullptr) return;
  throw base::Error(ExitCode::usage,
                    cat(variant, " and the target ", name,
                        " exclude each other: that variant is for the "
                        "linears of the blocks"),
                    {}, cat("remove ", name, " from target_modules, or put it in modules_to_save"));
}

Tensor resized(const Tensor& weight, int64_t rows) {
  const Tensor kept = weight.detach().narrow(0, 0, std::min(rows, weight.size(0)));
  if (rows <= weight.size(0)) return kept.clone();
  const Tensor mean = weight.detach().mean(0, true, at::kFloat).to(weight.scalar_type());
  return at::cat({kept, mean.expand({rows - weight.size(0), weight.size(1)})}, 0);
}

// Both spellings of the base weight of one end in an adapter's file.
std::vector<std::string> base_names(std::string_view module) {
  return {cat(kPeftPrefix, module, ".base_layer.weight"), cat(kPeftPrefix, module, ".weight")};
}

bool saves(const LoraSettings& settings, std::string_view module) {
  return std::any_of(settings.modules_to_save.begin(), settings.modules_to_save.end(),
                     [&](const std::string& name) { return has_suffix(module, name); });
}

std::optional<Tensor> base_weight(const LoraSettings& settings, const TensorFiles& files,
                                  std::string_view module) {
  if (saves(settings, module)) return std::nullopt;
  for (const std::string& name : base_names(module)) {
    if (files.has(name)) return files.get(name);
  }
  return std::nullopt;
}

Tensor checked(const Tensor& found, const Decoder& decoder, const TensorFiles& files) {
  if (found.dim() == 2 && found.size(0) == decoder.embed_tokens.size(0) &&
      found.size(1) == decoder.embed_tokens.size(1))
    return found.to(decoder.dtype(), false, true);
  throw base::Error(ExitCode::model, "the adapter's embeddings have another shape than this base model's",
                    {files.origin()});
}

// Rows of the vocabulary that the file's embeddings or head have, else 0.
int64_t rows_of(const TensorFiles& files) {
  int64_t rows = 0;
  for (const std::string_view module : {kEmbedName, kHeadName}) {
    for (const std::string& name : base_names(module)) {
      if (files.has(name) && files.get(name).dim() == 2) rows = std::max(rows, files.get(name).size(0));
    }
  }
  return rows;
}

}  // namespace

LoraPair fresh_embedding_pair(const Decoder& decoder, const LoraSettings& settings, uint64_t seed) {
  check_variant(settings, kEmbedName);
  LinearLayer layer = embedding_layer(decoder);
  LoraSettings random = settings;
  random.init = settings.init == "false" ? "false" : "true";
  LoraPair pair = fresh_pair(layer, random, seed);
  const base::Stream stream(seed, base::Purpose::adapter_init, pair.id + 1);
  float* b = pair.b.data_ptr<float>();
  for (int64_t i = 0; i < pair.b.numel(); ++i)
    b[i] = static_cast<float>(stream.normal(static_cast<uint64_t>(i)));
  if (settings.init != "false") pair.a.zero_();
  return pair;
}

LoraPair fresh_head_pair(const Decoder& decoder, const LoraSettings& settings, uint64_t seed) {
  check_variant(settings, kHeadName);
  LinearLayer layer = head_layer(decoder);
  return fresh_pair(layer, settings, seed);
}

LoraPair empty_embedding_pair(const Decoder& decoder, const LoraSettings& settings) {
  return empty_pair(embedding_layer(decoder), settings);
}

LoraPair empty_head_pair(const Decoder& decoder, const LoraSettings& settings) {
  return empty_pair(head_layer(decoder), settings);
}

void append_vocabulary_tensors(const Decoder& decoder, NamedTensors& tensors) {
  if (decoder.embed_lora) {
    tensors.emplace_back(cat(kPeftPrefix, kEmbedName, ".lora_embedding_A"), decoder.embed_lora->a);
    tensors.emplace_back(cat(kPeftPrefix, kEmbedName, ".lora_embedding_B"), decoder.embed_lora->b);
  }
  if (decoder.head_lora) {
    tensors.emplace_back(cat(kPeftPrefix, kHeadName, ".lora_A.weight"), decoder.head_lora->a);
    tensors.emplace_back(cat(kPeftPrefix, kHeadName, ".lora_B.weight"), decoder.head_lora->b);
  }
}

void append_base_weights(const Decoder& decoder, const LoraSettings& settings, NamedTensors& tensors) {
  const auto append = [&](std::string_view module, bool targeted, const Tensor& weight) {
    if (targeted)
      tensors.emplace_back(base_names(module)[0], weight);
    else if (settings.save_vocabulary && !saves(settings, module))
      tensors.emplace_back(base_names(module)[1], weight);
  };
  append(kEmbedName, decoder.embed_lora.has_value(), decoder.embed_tokens);
  append(kHeadName, decoder.head_lora.has_value(), decoder.lm_head);
}

void take_base_weights(Decoder& decoder, LoraSettings& settings, const TensorFiles& files) {
  if (rows_of(files) > decoder.embed_tokens.size(0)) resize_vocabulary(decoder, rows_of(files));
  for (const std::string_view module : {kEmbedName, kHeadName}) {
    if (files.has(base_names(module)[1]) && !saves(settings, module)) settings.save_vocabulary = true;
  }
  const auto embed = base_weight(settings, files, kEmbedName), head = base_weight(settings, files, kHeadName);
  if (embed) decoder.embed_tokens = checked(*embed, decoder, files);
  if (decoder.spec.tied_embeddings && embed) {
    decoder.lm_head = decoder.embed_tokens;
  } else if (head) {
    decoder.lm_head = checked(*head, decoder, files);
    // One tensor under two names, of which the adapter's file holds the head alone.
    if (decoder.spec.tied_embeddings && !saves(settings, kEmbedName)) decoder.embed_tokens = decoder.lm_head;
  }
}

bool is_base_weight(const std::string& name) {
  for (const std::string_view module : {kEmbedName, kHeadName}) {
    const std::string prefix = cat(kPeftPrefix, module, ".");
    // The last two: PEFT 0.20 writes every tensor below a saved module whose vocabulary was resized.
    for (const char* ending :
         {"weight", "base_layer.weight", "modules_to_save.weight", "original_module.weight"}) {
      if (name == prefix + ending) return true;
    }
  }
  return false;
}

void merge_vocabulary(Decoder& decoder) {
  const auto merged = [](const Tensor& weight, const Tensor& b, const Tensor& a, double scale) {
    const Tensor sum = at::addmm(weight.to(at::kFloat), b, a, 1.0, scale);
    if (!at::isfinite(sum).all().item<bool>())
      throw base::Error(ExitCode::failure,
                        "merging the embeddings or the head gives values that are not finite");
    return sum.to(weight.scalar_type());
  };
  const Tensor head = decoder.lm_head;
  if (const auto& pair = decoder.embed_lora)
    decoder.embed_tokens = merged(decoder.embed_tokens, pair->a.t(), pair->b.t(), pair->scale);
  if (const auto& pair = decoder.head_lora) decoder.lm_head = merged(head, pair->b, pair->a, pair->scale);
  decoder.embed_lora.reset();
  decoder.head_lora.reset();
  // A head or embedding with values of its own is no longer the other.
  decoder.spec.tied_embeddings = decoder.lm_head.is_same(decoder.embed_tokens);
}

void resize_vocabulary(Decoder& decoder, int64_t rows) {
  if (rows == decoder.embed_tokens.size(0)) return;
  const bool tied = decoder.lm_head.is_same(decoder.embed_tokens);
  decoder.embed_tokens = resized(decoder.embed_tokens, rows);
  decoder.lm_head = tied ? decoder.embed_tokens : resized(decoder.lm_head, rows);
  decoder.spec.vocab = rows;
}

int64_t vocabulary_rows(const Decoder& decoder, int64_t tokens) {
  const int64_t rows = decoder.embed_tokens.size(0);
  return tokens <= rows ? rows : (tokens + kRowMultiple - 1) / kRowMultiple * kRowMultiple;
}

void train_new_rows(const Decoder& decoder, LoraSettings& settings) {
  const std::vector<std::string> names = {std::string(kEmbedName), std::string(kHeadName)};
  const auto targeted = select_modules(settings.targets, names, Unmatched::ignored);
  const bool tied = decoder.spec.tied_embeddings;
  const auto trained = [&](size_t end) { return targeted[end] || saves(settings, names[end]); };
  if (!trained(0)) {
    settings.modules_to_save.emplace_back("embed_tokens");
    if (tied && !trained(1)) settings.ensure_weight_tying = true;
  }
  if (!tied && !trained(1)) settings.modules_to_save.emplace_back("lm_head");
}

}  // namespace swift::model
