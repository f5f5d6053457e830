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

double difference(const model::Decoder& decoder, const model::TensorFiles& expected, const std::string& ids,
                  const std::string& logits) {
  const at::Tensor got = tests::logits_of(decoder, tests::to_ids(expected.get(ids)));
  return (got - expected.get(logits).reshape_as(got)).abs().max().item<double>();
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
  CHECK(seen >= 5);
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

TEST_CASE("an adapter of another base is refused by name") {
  model::Decoder decoder = model::load_decoder(golden("models") / "llama", std::nullopt);
  CHECK_THROWS_WITH(model::load_adapter(decoder, golden("peft") / "qwen3_all_linear"),
                    Catch::Contains("shape"));
}
