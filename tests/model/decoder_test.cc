// Logits against transformers 5.19 (tests/golden/make_models.py).
#include "model/decoder.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "golden.h"
#include "model/load.h"

using namespace swift;
using tests::golden;

namespace {

// fp32 logits agree to 1e-4, the bound of the issue.
void check_logits(const model::Decoder& decoder, const model::TensorFiles& expected,
                  const std::string& which) {
  const at::Tensor got = tests::logits_of(decoder, tests::to_ids(expected.get("ids_" + which)));
  const at::Tensor want = expected.get("logits_" + which).reshape_as(got).to(at::kFloat);
  CHECK((got - want).abs().max().item<double>() < 1e-4);
}

std::vector<int32_t> greedy(const model::Decoder& decoder, std::vector<int32_t> ids, int64_t count) {
  std::vector<int32_t> fresh;
  for (int64_t i = 0; i < count; ++i) {
    const at::Tensor last = tests::logits_of(decoder, ids)[static_cast<int64_t>(ids.size()) - 1];
    fresh.push_back(static_cast<int32_t>(last.argmax().item<int64_t>()));
    ids.push_back(fresh.back());
  }
  return fresh;
}

}  // namespace

TEST_CASE("fp32 logits equal transformers' for every family and both config spellings") {
  for (const char* name : {"qwen3", "qwen3_untied", "qwen2", "qwen2_untied_sharded", "llama", "llama_bias",
                           "llama_llama3_rope", "qwen3_moe"}) {
    CAPTURE(name);
    const auto directory = golden("models") / name;
    const auto expected = model::TensorFiles::from_file(directory / "golden.safetensors");
    const model::Decoder decoder = model::load_decoder(directory, std::nullopt);
    check_logits(decoder, expected, "a");
    check_logits(decoder, expected, "b");
    const auto old_spelling =
        std::filesystem::temp_directory_path() / ("swift-model-v4-" + std::to_string(getpid()));
    std::filesystem::remove_all(old_spelling);
    std::filesystem::copy(directory, old_spelling);
    std::filesystem::rename(old_spelling / "config.v4.json", old_spelling / "config.json");
    check_logits(model::load_decoder(old_spelling, std::nullopt), expected, "a");
  }
}

TEST_CASE("bf16 greedy continuation equals transformers'") {
  const auto directory = golden("models") / "qwen3_bf16";
  const auto expected = model::TensorFiles::from_file(directory / "golden.safetensors");
  const model::Decoder decoder = model::load_decoder(directory, std::nullopt);
  REQUIRE(decoder.dtype() == at::kBFloat16);
  const auto want = tests::to_ids(expected.get("greedy_bf16"));
  CHECK(greedy(decoder, tests::to_ids(expected.get("greedy_bf16_prompt")),
               static_cast<int64_t>(want.size())) == want);
}

TEST_CASE("packed samples do not see each other") {
  at::NoGradGuard no_grad;
  const auto directory = golden("models") / "qwen3";
  const auto expected = model::TensorFiles::from_file(directory / "golden.safetensors");
  const model::Decoder decoder = model::load_decoder(directory, std::nullopt);
  auto ids = tests::to_ids(expected.get("ids_a"));
  const auto second = tests::to_ids(expected.get("ids_b"));
  std::vector<int32_t> positions(ids.size()), more(second.size());
  std::iota(positions.begin(), positions.end(), 0);
  std::iota(more.begin(), more.end(), 0);
  const auto first_size = static_cast<int32_t>(ids.size());
  ids.insert(ids.end(), second.begin(), second.end());
  positions.insert(positions.end(), more.begin(), more.end());
  model::PackedContext attention({0, first_size, static_cast<int32_t>(ids.size())});
  const at::Tensor got = ops::logits(decoder.hidden_states(ids, positions, attention), decoder.lm_head);
  const at::Tensor want = at::cat({expected.get("logits_a").reshape({-1, got.size(1)}),
                                   expected.get("logits_b").reshape({-1, got.size(1)})});
  CHECK((got - want).abs().max().item<double>() < 1e-4);
}
