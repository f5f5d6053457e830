#include "model/packed/packed_form.h"

#include <algorithm>
#include <array>

#include "base/format.h"

namespace swift::model {
namespace {

using base::cat;
using base::Json;

// One of two spellings of a setting.
int64_t integer_of(const HfConfig& part, const char* key, const char* other, int64_t fallback) {
  return part.has(key) ? part.integer(key) : part.integer(other, fallback);
}

PackedForm awq_form(const HfConfig& part) {
  PackedForm form;
  form.kind = PackedForm::Kind::awq;
  form.bits = integer_of(part, "bits", "w_bit", 4);
  form.group = integer_of(part, "group_size", "q_group_size", 128);
  form.sym = !part.boolean("zero_point", true);
  std::string version = part.text("version", part.text("format", "gemm"));
  std::transform(version.begin(), version.end(), version.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (version != "gemm")
    part.fail(cat("quantization_config: the AWQ version '", version, "' is not supported"),
              "supported: gemm");
  if (form.bits != 4) part.fail(cat("quantization_config: AWQ with ", form.bits, " bits is not supported"));
  return form;
}

PackedForm gptq_form(const HfConfig& part) {
  PackedForm form;
  form.bits = part.integer("bits");
  form.group = part.integer("group_size", 128);
  form.sym = part.boolean("sym", true);
  form.act_order = part.boolean("desc_act", false);
  const std::string format = part.text("checkpoint_format", part.text("format", "gptq"));
  if (format != "gptq" && format != "gptq_v2")
    part.fail(cat("quantization_config: checkpoint_format '", format, "' is not supported"),
              "supported: gptq, gptq_v2");
  form.v2 = format == "gptq_v2";
  form.varies =
      part.has("dynamic") && part.json().at("dynamic").is_object() && !part.json().at("dynamic").empty();
  return form;
}

PackedForm fp8_form(const HfConfig& part) {
  PackedForm form;
  form.kind = PackedForm::Kind::fp8;
  form.bits = 8;
  const Json block = part.json().value("weight_block_size", Json());
  if (!block.is_array() || block.size() != 2 || !block[0].is_number_integer() || block[0] != block[1] ||
      block[0] < 1)
    part.fail("quantization_config: fp8 needs weight_block_size [n, n]");
  form.group = block[0].get<int64_t>();
  return form;
}

// The one group of settings for all linears.
PackedForm compressed_form(const HfConfig& part) {
  PackedForm form;
  form.kind = PackedForm::Kind::compressed;
  if (part.text("format", "") != "pack-quantized")
    part.fail("quantization_config: only compressed-tensors' pack-quantized is supported");
  const Json groups = part.json().value("config_groups", Json::object());
  if (!groups.is_object() || groups.size() != 1 || !groups.begin()->is_object())
    part.fail("quantization_config: one group of settings in config_groups is supported");
  const Json given = groups.begin()->value("weights", Json());
  if (!given.is_object()) part.fail("quantization_config: config_groups has no weights");
  if (!groups.begin()->value("input_activations", Json()).is_null())
    part.fail("quantization_config: quantized activations are not supported");
  const HfConfig weights(given, part.file());
  form.bits = weights.integer("num_bits");
  form.sym = weights.boolean("symmetric", true);
  const std::string strategy = weights.text("strategy", "group");
  if (weights.text("type", "int") != "int" || (strategy != "group" && strategy != "channel"))
    part.fail("quantization_config: integer weights in groups or channels are supported");
  form.group = strategy == "channel" ? -1 : weights.integer("group_size");
  return form;
}

}  // namespace

std::string kind_name(PackedForm::Kind kind) {
  switch (kind) {
    case PackedForm::Kind::awq:
      return "awq";
    case PackedForm::Kind::gptq:
      return "gptq";
    case PackedForm::Kind::compressed:
      return "compressed-tensors";
    case PackedForm::Kind::fp8:
      return "fp8";
  }
  return {};
}

std::optional<PackedForm> read_packed_form(const HfConfig& config) {
  if (!config.has("quantization_config")) return std::nullopt;
  if (!config.json().at("quantization_config").is_object())
    config.fail("quantization_config must be an object");
  const HfConfig part(config.json().at("quantization_config"), config.file());
  const std::string method = part.text("quant_method", "");
  PackedForm form;
  if (method == "awq") {
    form = awq_form(part);
  } else if (method == "gptq") {
    form = gptq_form(part);
  } else if (method == "compressed-tensors") {
    form = compressed_form(part);
  } else if (method == "fp8") {
    form = fp8_form(part);
  } else {
    config.fail("quantization_config: the method '" + method + "' is not supported",
                "supported: awq, gptq, compressed-tensors, fp8");
  }
  constexpr std::array<int64_t, 4> kBits = {2, 3, 4, 8};
  if (std::find(kBits.begin(), kBits.end(), form.bits) == kBits.end())
    config.fail(cat("quantization_config: ", form.bits, " bits are not supported"), "supported: 2, 3, 4, 8");
  if (form.group != -1 && form.group < 1)
    config.fail(cat("quantization_config: group_size ", form.group, " is not supported"));
  return form;
}

}  // namespace swift::model
