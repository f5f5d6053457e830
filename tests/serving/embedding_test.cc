// Embeddings through the engine: means of the decoder's last hidden states, with and without an adapter.
#include "engine_fixture.h"
#include "model/adapter.h"

using namespace swift;
using namespace swift::tests;

namespace {

at::Tensor mean_state(const model::Decoder& decoder, const std::vector<int32_t>& ids) {
  const at::NoGradGuard no_grad;
  std::vector<int32_t> positions(ids.size());
  std::iota(positions.begin(), positions.end(), 0);
  model::PackedContext attention({0, static_cast<int32_t>(ids.size())});
  return decoder.hidden_states(ids, positions, attention).to(at::kFloat).mean(0);
}

bool near(const std::vector<float>& got, const at::Tensor& want) {
  const at::Tensor values = at::tensor(got);
  return ((values - want).abs().max() / want.abs().max()).item<double>() < 1e-4;
}

}  // namespace

TEST_CASE("embeddings are means of the last hidden states, of the model and of each adapter") {
  infer::DecoderModel model = served("qwen3");
  infer::Engine engine(model, infer::fake::tokenizer(), {});
  engine.load_adapter("support", golden("peft/qwen3_all_linear"));
  const std::vector<std::vector<int32_t>> prompts = {prompt_of(90, 3), prompt_of(1, 40)};
  const auto plain = engine.embed(prompts), adapted = engine.embed(prompts, "support");
  const model::Decoder base = model::load_decoder(golden("models/qwen3"), std::nullopt);
  model::Decoder tuned = model::load_decoder(golden("models/qwen3"), std::nullopt);
  model::load_adapter(tuned, golden("peft/qwen3_all_linear"));
  for (size_t i = 0; i < prompts.size(); ++i) {
    CHECK(near(plain[i], mean_state(base, prompts[i])));
    CHECK(near(adapted[i], mean_state(tuned, prompts[i])));
    CHECK_FALSE(near(adapted[i], mean_state(base, prompts[i])));
  }
  CHECK(engine.embed(prompts, "support") == adapted);
  CHECK(engine.pool().used() == 0);
}
