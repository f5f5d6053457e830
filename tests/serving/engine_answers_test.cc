// Whole answers of the engine against transformers': greedy continuations and log-probabilities of prompts.
// ctest runs these a second time with AVX2 alone.
#include "engine_fixture.h"
#include "model/safetensors.h"

using namespace swift;
using namespace swift::tests;

namespace {

struct Asked {
  std::vector<int32_t> prompt, answer;
};

std::map<uint64_t, infer::fake::Answer> answers_of(const std::string& name, const std::vector<Asked>& asked) {
  infer::DecoderModel model = served(name);
  infer::Engine engine(model, infer::fake::tokenizer(), {.scheduler = {.max_num_batched_tokens = 16}});
  for (size_t i = 0; i < asked.size(); ++i) {
    infer::SamplingParams params{.temperature = 0, .prompt_logprobs = 0};
    params.max_new_tokens = static_cast<int64_t>(asked[i].answer.size());
    params.ignore_eos = true;
    engine.add({.id = i, .prompt = asked[i].prompt, .params = params});
  }
  return infer::fake::answer_all(engine);
}

// The largest difference of the log-probabilities of prompt tokens 1, 2, … from those of `logits` (tokens,
// vocab).
double distance(const infer::fake::Answer& answer, const std::vector<int32_t>& prompt,
                const at::Tensor& logits) {
  const at::Tensor expected = at::log_softmax(logits.reshape({static_cast<int64_t>(prompt.size()), -1}), -1);
  REQUIRE(answer.prompt_logprobs.size() + 1 == prompt.size());
  double largest = 0;
  for (size_t i = 1; i < prompt.size(); ++i) {
    const double want = expected[static_cast<int64_t>(i) - 1][prompt[i]].item<double>();
    largest = std::max(largest, std::abs(answer.prompt_logprobs[i - 1].chosen.logprob - want));
  }
  return largest;
}

}  // namespace

TEST_CASE("the engine continues prompts as transformers does, in fp32 and in bf16") {
  for (const char* name : {"qwen3", "qwen3_untied", "qwen2", "qwen2_untied_sharded", "llama", "llama_bias",
                           "llama_llama3_rope", "qwen3_bf16"}) {
    CAPTURE(name);
    const auto expected = model::TensorFiles::from_file(golden("models") / name / "golden.safetensors");
    const bool bf16 = std::string(name).ends_with("bf16");
    std::vector<Asked> asked = {{to_ids(expected.get("ids_a")), to_ids(expected.get("greedy_a"))},
                                {to_ids(expected.get("ids_b")), to_ids(expected.get("greedy_b"))}};
    // Only of this prompt is the path in bf16 known to be clear of rounding.
    if (bf16)
      asked.push_back({to_ids(expected.get("greedy_bf16_prompt")), to_ids(expected.get("greedy_bf16"))});
    const auto answers = answers_of(name, asked);
    for (size_t i = bf16 ? 2 : 0; i < asked.size(); ++i) CHECK(answers.at(i).tokens == asked[i].answer);
    const double most = bf16 ? 0.5 : 1e-3;
    CHECK(distance(answers.at(0), asked[0].prompt, expected.get("logits_a")) < most);
    CHECK(distance(answers.at(1), asked[1].prompt, expected.get("logits_b")) < most);
  }
}
