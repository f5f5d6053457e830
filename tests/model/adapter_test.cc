// PEFT 0.20 adapters (tests/golden/make_peft.py).
#include "model/adapter.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "golden.h"
#include "model/load.h"

using namespace swift;
using tests::golden;
namespace fs = std::filesystem;

namespace {

// The largest difference, as a share of the largest logit: rounding grows with the logits.
double difference(const model::Decoder& decoder, const model::TensorFiles& expected, const std::string& ids,
                  const std::string& logits) {
  const at::Tensor got = tests::logits_of(decoder, tests::to_ids(expected.get(ids)));
  const at::Tensor wanted = expected.get(logits).reshape_as(got);
  return ((got - wanted).abs().max() / wanted.abs().max()).item<double>();
}

fs::path base_of(const fs::path& adapter) {
  return golden("models") / adapter.filename().string().substr(0, adapter.filename().string().find('_'));
}

}  // namespace

TEST_CASE("PEFT's adapters load and give PEFT's logits, also after merging and after being saved again") {
  int seen = 0;
  for (const auto& entry : fs::directory_iterator(golden("peft"))) {
    if (!entry.is_directory()) continue;
    CAPTURE(entry.path().filename().string());
    const auto expected = model::TensorFiles::from_file(entry.path() / "golden.safetensors");
    model::Decoder decoder = model::load_decoder(base_of(entry.path()), std::nullopt);
    const model::LoraSettings settings = model::load_adapter(decoder, entry.path());
    CHECK(difference(decoder, expected, "ids", "logits_adapter") < 1e-4);
    const fs::path saved =
        fs::temp_directory_path() / ("swift-adapter-roundtrip-" + std::to_string(getpid()));
    fs::remove_all(saved);
    fs::create_directories(saved);
    model::save_adapter(decoder, settings, "base", saved);
    model::Decoder again = model::load_decoder(base_of(entry.path()), std::nullopt);
    model::load_adapter(again, saved);
    CHECK(difference(again, expected, "ids", "logits_adapter") < 1e-4);
    model::merge_adapter(decoder);
    CHECK(difference(decoder, expected, "ids", "logits_merged") < 1e-4);
    ++seen;
  }
  CHECK(seen >= 30);
}

TEST_CASE("a fresh adapter changes nothing and depends only on its seed") {
  const auto directory = golden("models") / "qwen3";
  const auto expected = model::TensorFiles::from_file(directory / "golden.safetensors");
  model::Decoder decoder = model::load_decoder(directory, std::nullopt);
  model::attach_lora(decoder, {}, 42);
  CHECK(difference(decoder, expected, "ids_a", "logits_a") < 1e-4);
  model::Decoder other = model::load_decoder(directory, std::nullopt);
  model::attach_lora(other, {.targets = {"v_proj"}}, 42);
  CHECK(decoder.blocks[1].v.lora->a.equal(other.blocks[1].v.lora->a));
  CHECK_FALSE(decoder.blocks[0].v.lora->a.equal(other.blocks[1].v.lora->a));
}

TEST_CASE("a target that matches nothing names the near miss") {
  model::Decoder decoder = model::load_decoder(golden("models") / "qwen3", std::nullopt);
  CHECK_THROWS_WITH(model::attach_lora(decoder, {.targets = {"q_porj"}}, 0),
                    Catch::Contains("did you mean 'q_proj'"));
  CHECK_THROWS_WITH(model::attach_lora(decoder, {.rank = 4096}, 0),
                    Catch::Contains("lora_rank: 4096 does not fit"));
}

TEST_CASE("near misses of a target, and patterns that match nothing, are listed") {
  model::Decoder decoder = model::load_decoder(golden("models") / "qwen3", std::nullopt);
  CHECK_THROWS_WITH(model::attach_lora(decoder, {.targets = {"p_proj"}}, 0),
                    Catch::Contains("'k_proj', 'o_proj' or 'q_proj'"));
  CHECK_THROWS_WITH(model::attach_lora(decoder, {.targets = {"mlp.q_proj"}}, 0),
                    Catch::Contains("'mlp.up_proj'"));
  CHECK_THROWS_WITH(model::attach_lora(decoder, {.targets = {".*(query|value)"}}, 0),
                    Catch::Contains("matches no module") && Catch::Contains("q_proj, up_proj, v_proj"));
  CHECK_THROWS_WITH(
      model::attach_lora(decoder, {.targets = {"q_proj"}, .rank_pattern = {{"k_proj", 4}}}, 0),
      Catch::Contains("rank_pattern: 'k_proj' matches no module") && Catch::Contains("'q_proj'"));
  CHECK_THROWS_WITH(model::attach_lora(decoder, {.rank_pattern = {{"k_proj", 400}}}, 0),
                    Catch::Contains("400 does not fit model.layers.0.self_attn.k_proj"));
}

TEST_CASE("the first pattern that matches gives the rank and alpha") {
  model::Decoder decoder = model::load_decoder(golden("models") / "qwen3", std::nullopt);
  model::attach_lora(decoder,
                     {.rank = 8,
                      .alpha = 16,
                      .rank_pattern = {{"layers.1.self_attn.q_proj", 2}, {"q_proj", 4}},
                      .alpha_pattern = {{".*mlp.*", 64}}},
                     0);
  CHECK(decoder.blocks[1].q.lora->a.size(0) == 2);
  CHECK(decoder.blocks[0].q.lora->a.size(0) == 4);
  CHECK(decoder.blocks[0].k.lora->a.size(0) == 8);
  CHECK(decoder.blocks[0].q.lora->scale == Approx(4));
  CHECK(decoder.blocks[0].up.lora->scale == Approx(8));
}

TEST_CASE("DoRA starts as the base model, PiSSA too, and PiSSA is saved as a LoRA of twice the rank") {
  const auto directory = golden("models") / "qwen3";
  const auto expected = model::TensorFiles::from_file(directory / "golden.safetensors");
  for (const char* init : {"true", "pissa", "pissa_niter_8"}) {
    for (const bool dora : {false, true}) {
      for (const bool rslora : {false, true}) {
        CAPTURE(init, dora, rslora);
        const model::LoraSettings settings{
            .rslora = rslora, .dora = dora, .init = init, .rank_pattern = {{"v_proj", 40}}};
        model::Decoder decoder = model::load_decoder(directory, std::nullopt);
        model::attach_lora(decoder, settings, 42);
        CHECK(difference(decoder, expected, "ids_a", "logits_a") < 1e-4);
        at::manual_seed(9);
        for (auto& [name, tensor] : model::adapter_tensors(decoder, settings))
          tensor.add_(at::randn(tensor.sizes()), 0.02);
        model::refresh_norms(decoder);
        const auto ids = tests::to_ids(expected.get("ids_a"));
        const at::Tensor want = tests::logits_of(decoder, ids);
        const fs::path saved =
            fs::temp_directory_path() / ("swift-adapter-start-" + std::to_string(getpid()));
        fs::remove_all(saved);
        fs::create_directories(saved);
        model::save_adapter(decoder, settings, "base", saved);
        const auto error = [&](const model::Decoder& other) {
          return (tests::logits_of(other, ids) - want).abs().max().item<double>();
        };
        model::Decoder plain = model::load_decoder(directory, std::nullopt);
        const model::LoraSettings loaded = model::load_adapter(plain, saved);
        CHECK(loaded.rank == (init == std::string("true") ? 8 : 16));
        CHECK(error(plain) < 1e-4);
        model::merge_adapter(plain);
        CHECK(error(plain) < 1e-4);
        model::Decoder restored = model::load_decoder(directory, std::nullopt);
        CHECK(model::restore_adapter(restored, settings, saved).rank == 8);
        CHECK(restored.blocks[0].q.lora->a.equal(decoder.blocks[0].q.lora->a));
        CHECK(restored.blocks[0].q.weight.equal(decoder.blocks[0].q.weight));
        CHECK(tests::logits_of(restored, ids).equal(want));
        model::merge_adapter(decoder);
        CHECK(error(decoder) < 1e-4);
      }
    }
  }
}

TEST_CASE("PiSSA takes the largest singular values, by iterations nearly as well as exactly") {
  const auto directory = golden("models") / "llama";
  model::Decoder decoder = model::load_decoder(directory, std::nullopt);
  const at::Tensor w = decoder.blocks[0].gate.weight.clone();
  const double rest = std::get<1>(at::linalg_svd(w)).narrow(0, 8, 56).square().sum().sqrt().item<double>();
  model::attach_lora(decoder, {.init = "pissa"}, 1);
  CHECK(decoder.blocks[0].gate.weight.norm().item<double>() == Approx(rest).epsilon(1e-4));
  model::Decoder other = model::load_decoder(directory, std::nullopt);
  model::attach_lora(other, {.init = "pissa_niter_16"}, 1);
  CHECK(other.blocks[0].gate.weight.norm().item<double>() == Approx(rest).epsilon(0.02));
  const model::LoraPair& pair = *other.blocks[0].gate.lora;
  CHECK((other.blocks[0].gate.weight + pair.scale * at::mm(pair.b, pair.a) - w).abs().max().item<double>() <
        1e-5);
}

TEST_CASE("adapters that changed the base's weights in a way that cannot be repeated are refused") {
  const fs::path directory = fs::temp_directory_path() / ("swift-adapter-olora-" + std::to_string(getpid()));
  fs::remove_all(directory);
  fs::copy(golden("peft") / "qwen3_all_linear", directory);
  base::Json config = base::read_json(directory / "adapter_config.json");
  config["init_lora_weights"] = "olora";
  base::write_file_atomic(directory / "adapter_config.json", config.dump());
  model::Decoder decoder = model::load_decoder(golden("models") / "qwen3", std::nullopt);
  CHECK_THROWS_WITH(model::load_adapter(decoder, directory), Catch::Contains("'olora' changes the base"));
  config["init_lora_weights"] = true;
  config["r"] = 1000000000;
  base::write_file_atomic(directory / "adapter_config.json", config.dump());
  CHECK_THROWS_WITH(model::load_adapter(decoder, directory), Catch::Contains("rank 1000000000 does not fit"));
}

TEST_CASE("an adapter of another base is refused by name") {
  model::Decoder decoder = model::load_decoder(golden("models") / "llama", std::nullopt);
  CHECK_THROWS_WITH(model::load_adapter(decoder, golden("peft") / "qwen3_all_linear"),
                    Catch::Contains("shape"));
}
