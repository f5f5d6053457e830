// Reward models as transformers and PEFT save them (tests/golden/make_reward.py).
#include <catch2/catch.hpp>

#include "golden.h"
#include "model/adapter.h"
#include "model/load.h"
#include "model/value_head.h"

using namespace swift;
using tests::golden;

namespace {

// The score of each row at its last token, (rows).
at::Tensor scores(const model::Decoder& decoder, const at::Tensor& ids) {
  std::vector<at::Tensor> found;
  for (int64_t row = 0; row < ids.size(0); ++row) {
    const at::Tensor hidden = tests::hidden_of(decoder, tests::to_ids(ids[row]));
    found.push_back(model::scores_of(decoder, hidden.narrow(0, ids.size(1) - 1, 1)));
  }
  return at::cat(found);
}

void check(const model::Decoder& decoder, const std::string& name) {
  REQUIRE(decoder.score.defined());
  const auto expected = model::TensorFiles::from_file(golden("reward") / name / "golden.safetensors");
  const at::Tensor got = scores(decoder, expected.get("ids"));
  CHECK((got - expected.get("scores")).abs().max().item<double>() < 1e-4);
}

}  // namespace

TEST_CASE("a reward model of transformers loads and gives its scores") {
  check(model::load_decoder(golden("reward") / "full", std::nullopt), "full");
}

TEST_CASE("PEFT's adapter of a reward model loads with its head") {
  model::Decoder decoder = model::load_decoder(golden("models") / "qwen3", std::nullopt);
  model::load_adapter(decoder, golden("reward") / "adapter");
  check(decoder, "adapter");
}
