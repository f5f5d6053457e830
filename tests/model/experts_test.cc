// Mixture of experts against transformers 5.19 (tests/golden/make_moe.py).
#include "model/experts.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "golden.h"
#include "model/adapter.h"
#include "model/families.h"
#include "model/load.h"
#include "ops/int4_weight.h"
#include "ops/int8_codes.h"
#include "ops/linear_cross_entropy.h"

using namespace swift;
using tests::golden;
namespace fs = std::filesystem;

namespace {

constexpr double kCoefficient = 0.5;  // of make_moe.py

model::TensorFiles expected() {
  return model::TensorFiles::from_file(golden("models/qwen3_moe/golden.safetensors"));
}

struct Losses {
  double loss, aux;
};

// Loss of ids_b with the auxiliary loss, and its gradients in the leaves.
Losses backward(const model::Decoder& decoder, bool recompute, uint64_t dropout_key = 0) {
  const auto ids = tests::to_ids(expected().get("ids_b"));
  std::vector<int32_t> positions(ids.size());
  std::iota(positions.begin(), positions.end(), 0);
  at::Tensor labels = at::full({static_cast<int64_t>(ids.size())}, ops::kIgnoreLabel, at::kLong);
  for (size_t i = 0; i + 1 < ids.size(); ++i) labels[static_cast<int64_t>(i)] = ids[i + 1];
  model::RouterBalance balance(decoder.spec.layers, kCoefficient);
  model::PackedContext attention({0, static_cast<int32_t>(ids.size())});
  const at::Tensor h =
      decoder.hidden_states(ids, positions, attention, {dropout_key, recompute, 0, &balance});
  const at::Tensor loss =
      ops::LinearCrossEntropy::forward(h, decoder.lm_head, labels, 1.0 / static_cast<double>(ids.size() - 1));
  loss.backward();
  return {loss.item<double>(), balance.loss().item<double>()};
}

model::Decoder trained_decoder() {
  model::Decoder decoder = model::load_decoder(golden("models/qwen3_moe"), std::nullopt);
  decoder.visit(
      [](const std::string&, at::Tensor& weight) { weight = weight.detach().clone().requires_grad_(true); });
  return decoder;
}

std::string fault_of(const base::Json& change) {
  base::Json config = base::read_json(golden("models/qwen3_moe/config.json"));
  config.update(change);
  try {
    model::read_spec(model::HfConfig(config, "config.json"));
    return "";
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::model);
    return error.message();
  }
}

}  // namespace

TEST_CASE("loss, router loss and every gradient of a mixture of experts equal transformers'") {
  for (const bool recompute : {false, true}) {
    CAPTURE(recompute);
    const auto want = expected();
    model::Decoder decoder = trained_decoder();
    const Losses got = backward(decoder, recompute);
    CHECK(got.loss == Approx(want.get("loss").item<double>()).epsilon(1e-5));
    CHECK(got.aux == Approx(want.get("aux_loss").item<double>()).epsilon(1e-5));
    for (const auto& [name, weight] : decoder.weights()) {
      CAPTURE(name);
      const at::Tensor wanted = want.get("grad." + name);
      const at::Tensor grad = weight.grad().defined() ? weight.grad() : at::zeros_like(weight);
      CHECK((grad - wanted).abs().max().item<double>() < 2e-5 + 1e-4 * wanted.abs().max().item<double>());
    }
  }
}

TEST_CASE("experts fused into one tensor load as those with a tensor each") {
  const fs::path from = golden("models/qwen3_moe");
  const fs::path folder = fs::temp_directory_path() / ("swift-fused-" + std::to_string(getpid()));
  fs::create_directories(folder);
  fs::copy_file(from / "config.json", folder / "config.json", fs::copy_options::overwrite_existing);
  const auto plain = model::TensorFiles::from_file(from / "model.safetensors");
  const auto fused = model::TensorFiles::from_file(from / "fused.safetensors");
  model::NamedTensors tensors;
  for (const std::string& name : plain.names()) {
    if (name.find("layers.0.mlp.experts") == std::string::npos) tensors.emplace_back(name, plain.get(name));
  }
  for (const std::string& name : fused.names()) tensors.emplace_back(name, fused.get(name));
  model::save_safetensors(folder / "model.safetensors", tensors);
  const model::Decoder one = model::load_decoder(from, std::nullopt);
  const model::Decoder other = model::load_decoder(folder, std::nullopt);
  const auto weights = one.weights();
  const auto others = other.weights();
  REQUIRE(weights.size() == others.size());
  for (size_t i = 0; i < weights.size(); ++i) CHECK(at::equal(weights[i].second, others[i].second));
}

TEST_CASE("LoRA on experts trains their pairs and leaves the router alone") {
  model::Decoder decoder = model::load_decoder(golden("models/qwen3_moe"), std::nullopt);
  const model::LoraSettings settings;
  model::attach_lora(decoder, settings, 1);
  for (auto& [name, tensor] : model::adapter_tensors(decoder, settings)) {
    CHECK(name.find("mlp.gate.") == std::string::npos);
    tensor.requires_grad_(true);
  }
  backward(decoder, true, 7);
  const auto& pair = decoder.blocks[0].experts[1].gate.lora;
  REQUIRE(pair);
  CHECK(pair->b.grad().abs().sum().item<double>() > 0);
  CHECK_FALSE(decoder.blocks[0].router.grad().defined());
}

TEST_CASE("the layers that are dense follow mlp_only_layers and decoder_sparse_step") {
  base::Json config = base::read_json(golden("models/qwen3_moe/config.json"));
  config["num_hidden_layers"] = 6;
  config["decoder_sparse_step"] = 2;
  config["mlp_only_layers"] = {3};
  const auto spec = model::read_spec(model::HfConfig(config, "config.json"));
  CHECK(spec.moe.sparse == std::vector<bool>{false, true, false, false, false, true});
}

TEST_CASE("implausible mixtures of experts are refused") {
  CHECK(fault_of({{"num_experts_per_tok", 9}}).find("num_experts_per_tok") != std::string::npos);
  CHECK(fault_of({{"decoder_sparse_step", 0}}).find("decoder_sparse_step") != std::string::npos);
  CHECK(fault_of({{"moe_intermediate_size", 0}}).find("moe_intermediate_size") != std::string::npos);
  CHECK(fault_of({{"mlp_only_layers", "all"}}).find("mlp_only_layers") != std::string::npos);
  CHECK(fault_of({{"num_local_experts", 100000}}).find("num_experts") != std::string::npos);
}

TEST_CASE("in training, an expert without tokens has zeros for a gradient, however its weight is kept") {
  at::manual_seed(5);
  constexpr int64_t kHidden = 64, kInner = 32;
  for (const char* form : {"full", "8-bit rows", "8-bit groups"}) {
    CAPTURE(form);
    std::vector<model::Expert> experts(3);
    for (model::Expert& expert : experts) {
      for (model::LinearLayer* linear : {&expert.gate, &expert.up, &expert.down}) {
        const bool down = linear == &expert.down;
        linear->weight =
            at::randn({down ? kHidden : kInner, down ? kInner : kHidden}).to(at::kBFloat16) * 0.2;
        model::LoraPair& pair = linear->lora.emplace();
        pair.a = at::randn({4, linear->weight.size(1)}).requires_grad_(true);
        pair.b = at::randn({linear->weight.size(0), 4}).requires_grad_(true);
        pair.dropout = 0.1;
        if (form == std::string("8-bit rows"))
          linear->keep_quantized(
              c10::make_intrusive<ops::Int8Weight>(linear->weight, linear->weight.size(1), at::kBFloat16));
        if (form == std::string("8-bit groups"))
          linear->keep_quantized(
              c10::make_intrusive<ops::Int4Weight>(ops::int8_codes(linear->weight), at::kBFloat16));
        if (form == std::string("full")) linear->weight.requires_grad_(true);
      }
    }
    at::Tensor scores = at::randn({9, 3});
    scores.select(1, 2).fill_(-100);  // none is sent to the last
    const at::Tensor y = at::randn({9, kHidden}).to(at::kBFloat16);
    const model::MoeSpec spec{3, 2, kInner, true, {true}};
    model::mix_experts(y, scores, experts, spec, 77, nullptr, 0).sum().backward();
    for (const model::Expert& expert : experts) {
      const bool reached = &expert != &experts.back();
      for (const model::LinearLayer* linear : {&expert.gate, &expert.up, &expert.down}) {
        CHECK((linear->lora->a.grad().abs().sum().item<double>() > 0) == reached);
        CHECK((linear->lora->b.grad().abs().sum().item<double>() > 0) == reached);
        if (linear->weight.requires_grad())
          CHECK((linear->weight.grad().abs().sum().item<double>() > 0) == reached);
      }
    }
  }
}
