// Quantized bases: bitsandbytes' own numbers (tests/golden/quantized.py), loading, adapters over them,
// merging.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "golden.h"
#include "model/adapter.h"
#include "model/load.h"
#include "ops/four_bit.h"
#include "ops/int8_weight.h"

using namespace swift;
using tests::golden;
using Format = model::BaseQuantization::Format;
namespace fs = std::filesystem;

namespace {

const std::vector<int32_t> kIds = {5, 17, 99, 3, 64, 2, 120};

model::Decoder load(const std::string& name, std::optional<model::BaseQuantization> base = std::nullopt,
                    std::optional<at::ScalarType> dtype = std::nullopt) {
  return model::load_decoder(golden("models") / name, dtype, base);
}

// The whole model with the values that the quantized one has.
model::Decoder unpacked(model::Decoder decoder) {
  for (model::LinearLayer* linear : decoder.linears()) linear->set_weight(linear->full_weight());
  return decoder;
}

double difference(const model::Decoder& a, const model::Decoder& b) {
  return (tests::logits_of(a, kIds) - tests::logits_of(b, kIds)).abs().max().item<double>();
}

}  // namespace

TEST_CASE("codes, scales and values of 4-bit weights are those of bitsandbytes, bit by bit") {
  const auto files = model::TensorFiles::from_file(golden("quantized.safetensors"));
  for (const std::string name : {"small", "tail", "large"}) {
    const at::Tensor weight = files.get(name + ".weight");
    for (const auto& [kind, code] :
         {std::pair{std::string("nf4"), ops::FourBitCode::nf4}, {"fp4", ops::FourBitCode::fp4}}) {
      const std::string key = name + "." + kind;
      if (!files.has(key + ".codes")) continue;
      CAPTURE(key);
      const auto plain = ops::four_bit_encode(weight, code, false);
      CHECK(plain.codes.equal(files.get(key + ".codes")));
      CHECK(plain.scales.equal(files.get(key + ".scales")));
      CHECK(ops::four_bit_decode(plain, code, weight.sizes(), at::kFloat).equal(files.get(key + ".decoded")));
      const auto twice = ops::four_bit_encode(weight, code, true);
      CHECK(twice.scale_offset == files.get(key + ".double.offset").item<float>());
      CHECK(twice.scale_magnitudes.equal(files.get(key + ".double.magnitudes")));
      CHECK(twice.scale_codes.equal(files.get(key + ".double.codes")));
      CHECK(ops::four_bit_decode(twice, code, weight.sizes(), at::kFloat)
                .equal(files.get(key + ".double.decoded")));
    }
  }
}

TEST_CASE("rows in 8 bits are those of bitsandbytes") {
  const auto files = model::TensorFiles::from_file(golden("quantized.safetensors"));
  for (const std::string name : {"small", "tail"}) {
    const at::Tensor weight = files.get(name + ".weight");
    const ops::Int8Weight rows(weight, weight.size(1), at::kFloat);
    CHECK(rows.stored().codes.equal(files.get(name + ".int8.codes")));
    CHECK(at::allclose(rows.stored().scales * 127, files.get(name + ".int8.scales"), 1e-6, 0));
  }
}

TEST_CASE("a quantized base computes what the whole model with its unpacked values computes") {
  for (const Format format : {Format::nf4, Format::fp4, Format::int8}) {
    for (const char* name : {"qwen3", "llama_bias", "qwen3_bf16"}) {
      CAPTURE(name, static_cast<int>(format));
      const model::Decoder quantized = load(name, {{.format = format}});
      const model::Decoder whole = unpacked(load(name, {{.format = format}}));
      const bool narrow = quantized.dtype() == at::kBFloat16;
      CHECK(difference(quantized, whole) <= (narrow ? 0.05 : 1e-5));
      CHECK(difference(quantized, load(name)) > 1e-3);
      CHECK(quantized.lm_head.equal(load(name).lm_head));
      CHECK(std::isnan(quantized.blocks[0].q.weight[0][0].item<float>()));
    }
  }
}

TEST_CASE("the compute type of a quantized base may differ from the model's") {
  const model::Decoder exact = load("qwen3", {{}});
  const model::Decoder narrow = load("qwen3", {{.compute = at::kBFloat16}});
  const double error = difference(exact, narrow);
  CHECK(error > 0);
  CHECK(error < 0.5);
}

TEST_CASE("adapters of every kind work on a quantized base, and merge onto its unpacked values") {
  for (const Format format : {Format::nf4, Format::int8}) {
    for (const bool dora : {false, true}) {
      CAPTURE(dora, static_cast<int>(format));
      const model::LoraSettings settings{.rank = 4, .rslora = true, .dora = dora};
      model::Decoder decoder = load("qwen3", {{.format = format}});
      model::attach_lora(decoder, settings, 5);
      CHECK(difference(decoder, load("qwen3", {{.format = format}})) < 1e-5);
      at::manual_seed(3);
      for (auto& [name, tensor] : model::adapter_tensors(decoder, settings))
        tensor.add_(at::randn(tensor.sizes()), 0.05);
      model::refresh_norms(decoder);
      const fs::path saved = fs::temp_directory_path() / ("swift-qlora-" + std::to_string(getpid()));
      fs::remove_all(saved), fs::create_directories(saved);
      model::save_adapter(decoder, settings, "base", saved);
      model::Decoder whole = unpacked(load("qwen3", {{.format = format}}));
      model::load_adapter(whole, saved);
      CHECK(difference(decoder, whole) < 1e-5);
      model::merge_adapter(whole);
      model::merge_adapter(decoder);
      CHECK(decoder.blocks[1].down.weight.equal(whole.blocks[1].down.weight));
      CHECK_FALSE(decoder.blocks[1].down.quantized);
      fs::remove_all(saved);
    }
  }
}

TEST_CASE("a model with quantized weights is written whole") {
  const model::Decoder decoder = load("llama", {{}});
  const fs::path saved = fs::temp_directory_path() / ("swift-unpacked-" + std::to_string(getpid()));
  fs::remove_all(saved), fs::create_directories(saved);
  model::save_model(decoder, golden("models") / "llama", saved);
  CHECK(difference(model::load_decoder(saved, std::nullopt), decoder) < 1e-5);
  fs::remove_all(saved);
}

TEST_CASE("PiSSA on a quantized base is refused") {
  model::Decoder decoder = load("llama", {{}});
  CHECK_THROWS_WITH(model::attach_lora(decoder, {.init = "pissa"}, 0), Catch::Contains("are quantized"));
  CHECK_THROWS_WITH(model::load_adapter(decoder, golden("peft") / "llama_pissa"), Catch::Contains("PiSSA"));
}
