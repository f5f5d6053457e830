// On-disk forms against AutoAWQ's, AutoGPTQ's, GPTQModel's and compressed-tensors' own packing
// (tests/golden/quantization.py), and packed models against transformers with the dequantized weights.
#include "model/packed/packing.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "../model/golden.h"
#include "base/error.h"
#include "model/adapter.h"
#include "model/load.h"
#include "model/packed/packed_linear.h"
#include "ops/int4_weight.h"

using namespace swift;
using tests::golden;
namespace fs = std::filesystem;

namespace {

// A copy of a packed golden model whose tensors and configuration a test may change.
class ModelCopy {
 public:
  explicit ModelCopy(const std::string& name)
      : directory_(fs::temp_directory_path() / ("swift-packed-" + std::to_string(getpid()))) {
    fs::remove_all(directory_), fs::create_directories(directory_);
    fs::copy(golden("models") / name, directory_, fs::copy_options::recursive);
    const auto files = model::TensorFiles::from_directory(golden("models") / name);
    for (const auto& tensor : files.names()) tensors[tensor] = files.get(tensor).clone();
    config = base::read_json(directory_ / "config.json", base::ExitCode::model);
  }
  ~ModelCopy() { fs::remove_all(directory_); }
  model::Decoder load() const {
    model::NamedTensors list(tensors.begin(), tensors.end());
    model::save_safetensors(directory_ / "model.safetensors", list);
    base::write_file_atomic(directory_ / "config.json", config.dump());
    return model::load_decoder(directory_, std::nullopt);
  }
  const fs::path& directory() const { return directory_; }

  std::map<std::string, at::Tensor> tensors;
  base::Json config;

 private:
  fs::path directory_;
};

const std::string kModule = "model.layers.1.self_attn.o_proj";

}  // namespace

TEST_CASE("bits are packed and unpacked, whatever their number") {
  at::manual_seed(1);
  for (const int64_t bits : {2, 3, 4, 8}) {
    const at::Tensor values = at::randint(int64_t{1} << bits, {5, 96}, at::kByte);
    const at::Tensor packed = ops::pack_bits(values, bits);
    CHECK(packed.size(1) == 96 * bits / 8);
    CHECK(ops::unpack_bits(packed, bits, 96).equal(values));
  }
}

TEST_CASE("codes and zero points lie as AutoAWQ, AutoGPTQ, GPTQModel and compressed-tensors lay them") {
  const auto files = model::TensorFiles::from_file(golden("quantization.safetensors"));
  const auto get = [&](const std::string& name) { return files.get("pack." + name).clone(); };
  CHECK(model::pack_awq(get("awq.codes")).equal(get("awq.qweight")));
  CHECK(model::pack_awq(get("awq.zeros")).equal(get("awq.qzeros")));
  CHECK(model::unpack_awq(get("awq.qweight")).equal(get("awq.codes")));
  for (const int64_t bits : {2, 3, 4, 8}) {
    const std::string name = "gptq" + std::to_string(bits) + ".";
    CAPTURE(name);
    CHECK(model::pack_gptq(get(name + "codes"), bits).equal(get(name + "qweight")));
    CHECK(model::unpack_gptq(get(name + "qweight"), bits).equal(get(name + "codes")));
    CHECK(model::pack_gptq_zeros(get(name + "zeros"), bits, false).equal(get(name + "qzeros")));
    CHECK(model::unpack_gptq_zeros(get(name + "qzeros"), bits, false).equal(get(name + "zeros")));
    const at::Tensor v2 = model::pack_gptq_zeros(get(name + "zeros"), bits, true);
    CHECK(v2.equal(get(name + "qzeros_v2")));
    CHECK(model::unpack_gptq_zeros(v2, bits, true).equal(get(name + "zeros")));
  }
  CHECK(model::pack_gptq(get("gptq4_order.codes"), 4).equal(get("gptq4_order.qweight")));
  for (const int64_t bits : {4, 8}) {
    const std::string name = "ct" + std::to_string(bits) + ".";
    CHECK(model::pack_compressed(get(name + "codes"), bits).equal(get(name + "packed")));
    CHECK(model::pack_compressed(get(name + "zeros").t().contiguous(), bits)
              .t()
              .equal(get(name + "packed_zeros")));
  }
}

TEST_CASE("version 2 of GPTQ holds zero points as they are") {
  const at::Tensor middle = at::full({64, 1}, 8, at::kByte);
  CHECK(model::pack_gptq_zeros(middle, 4, true).eq(static_cast<int32_t>(0x88888888)).all().item<bool>());
  CHECK(model::pack_gptq_zeros(middle, 4, false).eq(0x77777777).all().item<bool>());
}

TEST_CASE("grouped codes decode as the plain formula says, in any type and order of groups") {
  at::manual_seed(2);
  for (const int64_t bits : {2, 3, 4, 8}) {
    ops::GroupedCodes codes{.bits = bits, .in = 96, .group = 32};
    codes.codes = ops::pack_bits(at::randint(int64_t{1} << bits, {7, 96}, at::kByte), bits);
    codes.scales = at::rand({7, 3}).to(at::kHalf);
    for (const bool zeros : {false, true}) {
      codes.zeros = zeros ? at::randint(int64_t{1} << bits, {7, 3}, at::kByte) : at::Tensor();
      for (const bool ordered : {false, true}) {
        codes.g_idx = ordered ? at::randint(3, {96}, at::kInt) : at::Tensor();
        for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf})
          CHECK(ops::decode(codes, type).equal(ops::decode_plain(codes, type)));
      }
    }
  }
}

TEST_CASE("packed models give transformers' logits for their dequantized weights") {
  for (const std::string name : {"qwen3_awq", "qwen3_gptq"}) {
    CAPTURE(name);
    const auto expected = model::TensorFiles::from_file(golden("models") / name / "golden.safetensors");
    const model::Decoder decoder = model::load_decoder(golden("models") / name, std::nullopt);
    REQUIRE(decoder.blocks[0].q.quantized);
    CHECK(decoder.blocks[0].q.quantized->bytes() < 128 * 64);
    const at::Tensor logits = tests::logits_of(decoder, tests::to_ids(expected.get("ids")));
    CHECK((logits - expected.get("logits")).abs().max().item<double>() < 1e-3);
  }
}

TEST_CASE("a packed base takes LoRA, which is merged onto its unpacked values") {
  model::Decoder decoder = model::load_decoder(golden("models") / "qwen3_awq", std::nullopt);
  const model::LoraSettings settings{.rank = 4};
  model::attach_lora(decoder, settings, 5);
  at::manual_seed(3);
  for (auto& [name, tensor] : model::adapter_tensors(decoder, settings))
    tensor.add_(at::randn(tensor.sizes()), 0.05);
  const std::vector<int32_t> ids = {5, 17, 99, 3};
  const at::Tensor before = tests::logits_of(decoder, ids);
  model::merge_adapter(decoder);
  CHECK_FALSE(decoder.blocks[1].down.quantized);
  CHECK((tests::logits_of(decoder, ids) - before).abs().max().item<double>() < 1e-4);
  const fs::path saved = fs::temp_directory_path() / ("swift-merged-" + std::to_string(getpid()));
  fs::remove_all(saved), fs::create_directories(saved);
  model::save_model(decoder, golden("models") / "qwen3_awq", saved);
  CHECK_FALSE(model::HfConfig::read(saved).has("quantization_config"));
  const model::Decoder whole = model::load_decoder(saved, std::nullopt);
  CHECK((tests::logits_of(whole, ids) - before).abs().max().item<double>() < 1e-4);
  fs::remove_all(saved);
}

TEST_CASE("a packed model is not quantized again while it is loaded") {
  CHECK_THROWS_WITH(model::load_decoder(golden("models") / "qwen3_awq", std::nullopt, {{}}),
                    Catch::Contains("quantized already (awq)"));
}

TEST_CASE("groups in the order of activations need g_idx") {
  ModelCopy copy("qwen3_gptq");
  copy.config["quantization_config"]["desc_act"] = true;
  const at::Tensor same = tests::logits_of(copy.load(), {5, 17, 99});
  // Inputs and their groups reordered alike mean the same weight.
  const at::Tensor order = at::randperm(64, at::kLong);
  CHECK(same.isfinite().all().item<bool>());
  copy.tensors.erase(kModule + ".g_idx");
  CHECK_THROWS_WITH(copy.load(), Catch::Contains(kModule) && Catch::Contains("'g_idx' is missing"));
}

TEST_CASE("a packed weight that contradicts itself is refused by name") {
  const auto refused = [](const std::string& model, const std::function<void(ModelCopy&)>& spoil,
                          const std::string& message) {
    ModelCopy copy(model);
    spoil(copy);
    CHECK_THROWS_WITH(copy.load(), Catch::Contains(message));
  };
  for (const std::string name : {"qwen3_awq", "qwen3_gptq"}) {
    refused(
        name, [](ModelCopy& c) { c.tensors.erase(kModule + ".qzeros"); }, "'qzeros' is missing");
    refused(
        name, [](ModelCopy& c) { c.tensors.erase(kModule + ".scales"); }, "'scales' is missing");
    refused(
        name, [](ModelCopy& c) { c.tensors[kModule + ".scales"][0][0] = std::nan(""); }, "not finite");
    refused(
        name, [](ModelCopy& c) { c.config["quantization_config"]["group_size"] = 64; },
        "its scales have groups of 32 inputs, config.json says 64");
    refused(
        name,
        [](ModelCopy& c) {
          auto& zeros = c.tensors[kModule + ".qzeros"];
          zeros = zeros.narrow(0, 0, 1).contiguous();
        },
        "'qzeros' has shape");
    refused(
        name,
        [](ModelCopy& c) {
          auto& codes = c.tensors[kModule + ".qweight"];
          codes = codes.narrow(1, 0, codes.size(1) / 2).contiguous();
        },
        "'qweight' has shape");
  }
  refused(
      "qwen3_gptq", [](ModelCopy& c) { c.config["quantization_config"]["checkpoint_format"] = "gptq_v2"; },
      "zero points are not all in the middle");
  refused(
      "qwen3_gptq", [](ModelCopy& c) { c.config["quantization_config"]["bits"] = 5; }, "5 bits");
  refused(
      "qwen3_gptq", [](ModelCopy& c) { c.tensors[kModule + ".g_idx"][3] = 9; }, "a group that is not there");
  refused(
      "qwen3_awq", [](ModelCopy& c) { c.config["quantization_config"]["version"] = "gemv"; }, "'gemv'");
  refused(
      "qwen3_awq", [](ModelCopy& c) { c.config["quantization_config"]["quant_method"] = "hqq"; }, "'hqq'");
}

TEST_CASE("fp8 codes that are NaN are refused by name") {
  ModelCopy copy("qwen3");
  copy.config["quantization_config"] = {{"quant_method", "fp8"},
                                        {"fmt", "e4m3"},
                                        {"activation_scheme", "dynamic"},
                                        {"weight_block_size", {32, 32}}};
  const at::Tensor weight = copy.tensors[kModule + ".weight"].to(at::kFloat8_e4m3fn);
  copy.tensors[kModule + ".weight"] = weight;
  copy.tensors[kModule + ".weight_scale_inv"] =
      at::ones({(weight.size(0) + 31) / 32, (weight.size(1) + 31) / 32});
  REQUIRE(copy.load().blocks[1].o.quantized);
  for (const uint8_t code : {0x7F, 0xFF}) {
    const at::Tensor codes = weight.view(at::kByte).clone();
    codes[5][7] = code;
    copy.tensors[kModule + ".weight"] = codes.view(at::kFloat8_e4m3fn);
    CHECK_THROWS_WITH(copy.load(),
                      Catch::Contains(kModule) && Catch::Contains("a code that is not a number"));
  }
}
