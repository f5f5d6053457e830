// What a request gets depends on the request alone: with the real decoder, bit for bit.
#include "engine_fixture.h"

using namespace swift;
using namespace swift::tests;
using infer::Request;
using infer::fake::answer_all;
using infer::fake::tokenizer;

namespace {

constexpr int64_t kRequests = 32;

// Of every kind side by side: prompts that share their beginning, greedy and sampled answers, penalties,
// log-probabilities of prompts, two adapters and none.
Request request_of(int64_t i, bool adapters) {
  infer::SamplingParams params{
      .temperature = i % 2 == 0 ? 0.0 : 0.8, .logprobs = true, .top_logprobs = i % 4};
  params.max_new_tokens = 10 + i * 7 % 67;
  params.ignore_eos = i % 4 != 2;
  if (i % 3 == 0) params.repetition_penalty = 1.1, params.frequency_penalty = 0.2;
  if (i % 5 == 1) params.top_p = 0.9, params.top_k = 40;
  if (i % 8 == 3) params.prompt_logprobs = 2;
  std::vector<int32_t> prompt = prompt_of(70 + 30 * (i % 3), i % 3);
  const auto own = prompt_of(1 + i * 3 % 17, 31 + i);
  if (i % 4 != 0) prompt.insert(prompt.end(), own.begin(), own.end());
  Request request{.id = static_cast<uint64_t>(i), .prompt = std::move(prompt), .params = params};
  request.stream = static_cast<uint64_t>(i);
  if (adapters && i % 3 == 1) request.adapter = i % 2 == 0 ? "one" : "two";
  return request;
}

infer::EngineOptions options_of(int64_t seqs, int64_t budget, bool prefixes) {
  infer::EngineOptions options{
      .eos_token_ids = {1},
      .scheduler = {.max_num_seqs = seqs, .max_num_batched_tokens = budget, .prefix_caching = prefixes}};
  options.speculation.most_seqs = kRequests;
  return options;
}

void load_adapters(infer::Engine& engine) {
  engine.load_adapter("one", golden("peft/qwen3_all_linear"));
  engine.load_adapter("two", golden("peft/qwen3_rslora"));
}

std::map<uint64_t, infer::fake::Answer> answers_alone(const std::string& name, bool adapters) {
  infer::DecoderModel model = served(name);
  infer::Engine engine(model, tokenizer(), options_of(1, 2048, false));
  if (adapters) load_adapters(engine);
  std::map<uint64_t, infer::fake::Answer> answers;
  for (int64_t i = 0; i < kRequests; ++i) {
    engine.add(request_of(i, adapters));
    answers.merge(answer_all(engine));
  }
  CHECK(engine.stats().drafted == 0);
  CHECK(engine.stats().prefix_hits == 0);
  return answers;
}

struct Crowd {
  int64_t budget;        // of a pass: small ones cut prompts to pieces
  int64_t cache_tokens;  // few of them make requests give way
  enum class Guesses { none, ngram, model } guesses;
};

infer::EngineStats check_crowd(const std::string& name, bool adapters, const Crowd& crowd,
                               const std::map<uint64_t, infer::fake::Answer>& alone) {
  infer::DecoderModel model = served(name, crowd.cache_tokens);
  infer::DecoderModel small = disturbed(name, 0.1);
  std::unique_ptr<infer::Drafter> drafter;
  if (crowd.guesses == Crowd::Guesses::ngram) {
    drafter = std::make_unique<infer::NgramDrafter>(infer::NgramOptions{.longest = 2, .shortest = 1});
  }
  if (crowd.guesses == Crowd::Guesses::model) drafter = std::make_unique<infer::ModelDrafter>(small);
  infer::Engine engine(model, tokenizer(), options_of(kRequests, crowd.budget, true), std::move(drafter));
  if (adapters) load_adapters(engine);
  infer::fake::Answers answers;
  for (int64_t i = 0; i < kRequests; ++i) {
    engine.add(request_of(i, adapters));
    if (i % 5 == 4) answers(engine.step());  // they do not come all at once
  }
  while (!engine.idle()) answers(engine.step());
  CHECK(engine.pool().used() == 0);
  for (const auto& [id, want] : alone) {
    CAPTURE(name, crowd.budget, crowd.cache_tokens, id);
    CHECK(equal(answers.by_id.at(id), want));
  }
  return engine.stats();
}

}  // namespace

TEST_CASE("a request gets the same tokens and log-probabilities alone and among 32, bit for bit") {
  using Guesses = Crowd::Guesses;
  uint64_t preemptions = 0;
  for (const auto& [name, adapters] : std::map<std::string, bool>{
           {"qwen3", true}, {"qwen3_bf16", true}, {"llama", false}, {"qwen3_moe", false}}) {
    const auto alone = answers_alone(name, adapters);
    REQUIRE(alone.size() == kRequests);
    const infer::EngineStats roomy = check_crowd(name, adapters, {2048, 8192, Guesses::none}, alone);
    CHECK(roomy.prefix_hits > 0);
    CHECK(roomy.preemptions == 0);
    // Prompts in pieces, requests that give way, guesses that are right and wrong.
    const infer::EngineStats tight = check_crowd(name, adapters, {48, 320, Guesses::model}, alone);
    CHECK(tight.prefix_hits > 0);
    preemptions += tight.preemptions;
    CHECK(tight.accepted > 0);
    CHECK(tight.accepted < tight.drafted);
    const infer::EngineStats looked_up = check_crowd(name, adapters, {64, 1024, Guesses::ngram}, alone);
    CHECK(looked_up.drafted > 0);
  }
  CHECK(preemptions > 0);
}
