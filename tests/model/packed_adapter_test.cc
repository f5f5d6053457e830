// QLoRA over packed weights: gradients are those over the whole model of the same values, the weights stay
// packed, and adapters merge onto the unpacked values.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "golden.h"
#include "model/adapter.h"
#include "model/hf_config.h"
#include "model/load.h"

using namespace swift;
using tests::golden;
namespace fs = std::filesystem;

namespace {

const std::vector<int32_t> kIds = {5, 17, 99, 3, 64, 2, 120};

struct Base {
  std::string name;
  std::optional<model::BaseQuantization> quantization;
};
const std::vector<Base> kBases = {{"qwen3_awq", {}}, {"qwen3_gptq", {}}, {"qwen3", {{}}}};

model::Decoder load(const Base& base) {
  return model::load_decoder(golden("models") / base.name, at::kFloat, base.quantization);
}

model::Decoder unpacked(model::Decoder decoder) {
  for (model::LinearLayer* linear : decoder.linears()) linear->set_weight(linear->full_weight());
  return decoder;
}

// An adapter of random numbers, the same on each decoder.
void attach(model::Decoder& decoder, const model::LoraSettings& settings) {
  model::attach_lora(decoder, settings, 5);
  at::manual_seed(3);
  for (auto& [name, tensor] : model::adapter_tensors(decoder, settings))
    tensor.add_(at::randn(tensor.sizes()), 0.05).requires_grad_();
  model::refresh_norms(decoder);
}

model::NamedTensors gradients(model::Decoder& decoder, const model::LoraSettings& settings, bool recompute) {
  std::vector<int32_t> positions(kIds.size());
  std::iota(positions.begin(), positions.end(), 0);
  model::PackedContext attention({0, static_cast<int32_t>(kIds.size())});
  const at::Tensor hidden = decoder.hidden_states(kIds, positions, attention, {.recompute = recompute});
  at::manual_seed(9);
  (hidden * at::randn(hidden.sizes())).sum().backward();
  model::NamedTensors found;
  for (const auto& [name, tensor] : model::adapter_tensors(decoder, settings))
    found.emplace_back(name, tensor.grad());
  return found;
}

int64_t bytes_held(model::Decoder& decoder) {
  int64_t bytes = 0;
  for (const model::LinearLayer* linear : decoder.linears()) {
    REQUIRE(linear->quantized);
    bytes += linear->quantized->bytes() + static_cast<int64_t>(linear->weight.storage().nbytes());
  }
  return bytes;
}

}  // namespace

TEST_CASE("adapters over packed weights get the gradients of the whole model, and the weights stay packed") {
  for (const Base& base : kBases) {
    for (const bool dora : {false, true}) {
      for (const bool recompute : {false, true}) {
        CAPTURE(base.name, dora, recompute);
        const model::LoraSettings settings{.rank = 4, .dora = dora};
        model::Decoder packed = load(base), whole = unpacked(load(base));
        int64_t full = 0;
        for (const model::LinearLayer* linear : whole.linears())
          full += static_cast<int64_t>(linear->weight.nbytes());
        const int64_t before = bytes_held(packed);
        CHECK(before < full / 4);
        attach(packed, settings), attach(whole, settings);
        const auto found = gradients(packed, settings, recompute);
        const auto expected = gradients(whole, settings, recompute);
        REQUIRE(found.size() == expected.size());
        for (size_t i = 0; i < found.size(); ++i) {
          CAPTURE(found[i].first);
          REQUIRE(found[i].second.defined());
          const double size = expected[i].second.abs().max().item<double>();
          CHECK((found[i].second - expected[i].second).abs().max().item<double>() <= 1e-4 * size);
        }
        CHECK(bytes_held(packed) == before);
      }
    }
  }
}

TEST_CASE("an adapter merges onto the unpacked values, and the result is written whole") {
  for (const Base& base : kBases) {
    CAPTURE(base.name);
    // Only some linears have an adapter; the others are unpacked too.
    const model::LoraSettings settings{.rank = 4, .targets = {"q_proj", "down_proj"}};
    model::Decoder packed = load(base), whole = unpacked(load(base));
    attach(packed, settings), attach(whole, settings);
    const at::Tensor with_adapter = tests::logits_of(whole, kIds);
    const at::NoGradGuard no_grad;
    model::merge_adapter(packed), model::merge_adapter(whole);
    CHECK(packed.blocks[1].down.weight.equal(whole.blocks[1].down.weight));
    const fs::path saved = fs::temp_directory_path() / ("swift-merged-" + std::to_string(getpid()));
    fs::remove_all(saved), fs::create_directories(saved);
    model::save_model(packed, golden("models") / base.name, saved);
    CHECK_FALSE(model::HfConfig::read(saved).has("quantization_config"));
    model::Decoder read = model::load_decoder(saved, std::nullopt);
    for (const model::LinearLayer* linear : read.linears()) CHECK_FALSE(linear->quantized);
    CHECK(read.blocks[0].k.weight.equal(whole.blocks[0].k.weight));
    CHECK((tests::logits_of(read, kIds) - with_adapter).abs().max().item<double>() < 1e-3);
    fs::remove_all(saved);
  }
}
