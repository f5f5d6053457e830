#include <random>

#include "base/error.h"
#include "collect.h"

using namespace swift;
using namespace swift::infer;
using fake::answer_all;
using fake::Answers;
using fake::bytes;
using fake::tokenizer;
using Calls = std::vector<std::vector<size_t>>;

namespace {

EngineOptions options(int64_t seqs = 128, int64_t tokens = 2048) {
  return {.eos_token_ids = {fake::kEnd},
          .scheduler = {.max_num_seqs = seqs, .max_num_batched_tokens = tokens}};
}

Request greedy(uint64_t id, const std::string& prompt, std::optional<int64_t> limit = std::nullopt) {
  return {.id = id, .prompt = bytes(prompt), .params = {.temperature = 0, .max_new_tokens = limit}};
}

// Sampled and greedy, with and without penalties, of many lengths; some begin alike, two are the same.
std::vector<Request> mixture(size_t count, int64_t longest = 20) {
  std::vector<Request> requests;
  const std::string shared = "every second prompt begins with these words, ";
  for (size_t i = 0; i < count; ++i) {
    SamplingParams params{.temperature = i % 3 == 0 ? 0.0 : 0.8, .logprobs = true};
    if (i % 3 == 1) params.top_p = 0.9, params.repetition_penalty = 1.1;
    if (i % 3 == 2) params.top_k = 30, params.frequency_penalty = 0.3;
    params.max_new_tokens = 1 + static_cast<int64_t>(i * 7) % longest;
    std::string prompt = i % 2 == 0 ? shared : "";
    prompt += "number " + std::to_string(i / 2) + std::string(i % 5, '!');
    requests.push_back({.id = i, .prompt = bytes(prompt), .params = params, .stream = i});
  }
  return requests;
}

std::map<uint64_t, fake::Answer> alone(const std::vector<Request>& requests) {
  std::map<uint64_t, fake::Answer> result;
  for (const Request& request : requests) {
    fake::Model model(fake::scrambled_text());
    Engine engine(model, tokenizer(), options());
    engine.add(request);
    result.merge(answer_all(engine));
  }
  return result;
}

}  // namespace

TEST_CASE("decodes go first, then parts of prompts up to the budget, which end with a block") {
  fake::Model model(fake::answering("?", "abc"));
  Engine engine(model, tokenizer(), options(2, 6));
  engine.add(greedy(0, "12?"));
  engine.add(greedy(1, "123456789?"));
  engine.add(greedy(2, "1?"));
  CHECK(engine.waiting() == 3);
  const auto answers = answer_all(engine);
  // 0 decodes beside the parts of 1's prompt, whose second part ends with block 2; 2 starts when 0 is done.
  CHECK(model.calls == Calls{{3, 3}, {1, 5}, {1, 2}, {1, 1}, {1, 2}, {1, 1}, {1}, {1}});
  for (const auto& [id, answer] : answers) CHECK(answer.text == "abc");
  CHECK(engine.throughput().prefill_tokens == 15);
  CHECK(engine.throughput().decode_tokens == 9);
}

TEST_CASE("an answer is the same alone and among 32, whatever the budget, the blocks and the cache") {
  const auto requests = mixture(32);
  const auto expected = alone(requests);
  for (const auto& [seqs, budget, blocks, caching] :
       {std::tuple<int64_t, int64_t, int64_t, bool>{1, 2048, 400, true},
        {32, 2048, 4000, true},
        {32, 2048, 4000, false},
        {8, 7, 4000, true},
        {32, 64, 40, true},
        {32, 33, 25, false},
        {3, 1, 60, true}}) {
    INFO(seqs << " sequences, " << budget << " tokens, " << blocks << " blocks, cache " << caching);
    fake::Model model(fake::scrambled_text(), {.blocks = blocks});
    EngineOptions given = options(seqs, budget);
    given.scheduler.prefix_caching = caching;
    Engine engine(model, tokenizer(), given);
    for (const Request& request : requests) engine.add(request);
    CHECK(fake::same(answer_all(engine), expected));
    for (const auto& call : model.calls) {
      size_t tokens = 0;
      for (const size_t count : call) tokens += count;
      REQUIRE(tokens <= static_cast<size_t>(budget));
      REQUIRE(call.size() <= static_cast<size_t>(seqs));
    }
    CHECK((engine.stats().prefix_hits > 0) == caching);
    if (blocks == 40 || blocks == 25) CHECK(engine.stats().preemptions > 0);
  }
}

TEST_CASE("equal prompts at once are computed once") {
  fake::Model model(fake::scrambled_text());
  Engine engine(model, tokenizer(), options());
  const std::string prompt(401, 'p');
  for (uint64_t i = 0; i < 8; ++i) {
    Request request = greedy(i, prompt, 4);
    request.params.temperature = 1;
    request.stream = i;
    engine.add(request);
  }
  const auto answers = answer_all(engine);
  CHECK(model.calls.at(0) == std::vector<size_t>{401});
  CHECK(model.calls.at(1) == std::vector<size_t>{1, 1, 1, 1, 1, 1, 1, 1});
  CHECK(answers.at(0).usage.cached_tokens == 0);
  CHECK(answers.at(7).usage.cached_tokens == 400);
  CHECK(answers.at(0).tokens != answers.at(7).tokens);
}

TEST_CASE("a prompt's cached beginning, answer included, is not computed again") {
  fake::Model model(fake::answering("?", "yes, it is"));
  Engine engine(model, tokenizer(), options());
  engine.add(greedy(0, "is it so?"));
  answer_all(engine);
  model.calls.clear();
  engine.add(greedy(1, "is it so?yes, it is. sure?"));
  const auto answers = answer_all(engine);
  CHECK(answers.at(1).usage.cached_tokens == 16);
  CHECK(model.calls.at(0) == std::vector<size_t>{10});
  CHECK(engine.stats().prefix_queries == 9 + 26);
  CHECK(engine.stats().prefix_hits == 16);

  engine.reset_prefix_cache();
  engine.add(greedy(2, "is it so?"));
  CHECK(answer_all(engine).at(2).usage.cached_tokens == 0);
}

TEST_CASE("prefixes are shared only under the same salt and adapter") {
  fake::Model model(fake::scrambled_text());
  Engine engine(model, tokenizer(), options());
  engine.load_adapter("a", "somewhere");
  const auto cached = [&](const std::string& adapter, const std::string& salt) {
    Request request = greedy(1, "the same prompt for everybody", 3);
    request.adapter = adapter;
    request.cache_salt = salt;
    engine.add(request);
    return answer_all(engine).at(1).usage.cached_tokens;
  };
  CHECK(cached("", "") == 0);
  CHECK(cached("", "") == 28);
  CHECK(cached("", "salt") == 0);
  CHECK(cached("a", "") == 0);
  CHECK(cached("a", "salt") == 0);
  CHECK(cached("a", "salt") == 28);
  CHECK(cached("", "salt") == 28);
}

TEST_CASE("adapters answer in one batch, and one leaves when its last request has ended") {
  fake::Model model(fake::answering("?", "abcd"));
  Engine engine(model, tokenizer(), options());
  engine.load_adapter("one", "1");
  engine.load_adapter("two", "2");
  CHECK_THROWS_AS(engine.load_adapter("two", "2"), base::Error);
  CHECK_THROWS_AS(engine.load_adapter("three", ""), base::Error);
  for (uint64_t i = 0; i < 3; ++i) {
    Request request = greedy(i, "so?", 4);
    request.adapter = i == 0 ? "" : i == 1 ? "one" : "two";
    engine.add(request);
  }
  Answers answers;
  answers(engine.step());
  CHECK(model.calls.back().size() == 3);
  CHECK(engine.unload_adapter("two"));
  CHECK_FALSE(engine.unload_adapter("two"));
  CHECK(model.adapters.size() == 2);
  Request late = greedy(9, "so?");
  late.adapter = "two";
  CHECK_THROWS_AS(engine.add(late), base::Error);
  while (!engine.idle()) answers(engine.step());
  CHECK(model.adapters == std::set<int32_t>{0});
  CHECK(answers.by_id.at(0).text == "abcd");
  CHECK(answers.by_id.at(1).text == "`abc");
  CHECK(answers.by_id.at(2).text == "_`ab");
}

TEST_CASE("priorities go first where the policy says so, else the order of arrival") {
  for (const Policy policy : {Policy::fcfs, Policy::priority}) {
    fake::Model model(fake::answering("?", "x"));
    EngineOptions given = options(1);
    given.scheduler.policy = policy;
    Engine engine(model, tokenizer(), given);
    for (uint64_t i = 0; i < 3; ++i) {
      Request request = greedy(i, "?");
      request.priority = -static_cast<int64_t>(i);
      engine.add(request);
    }
    std::vector<uint64_t> ended;
    while (!engine.idle()) {
      for (const Event& event : engine.step()) {
        if (event.finish_reason) ended.push_back(event.id);
      }
    }
    CHECK(ended ==
          (policy == Policy::fcfs ? std::vector<uint64_t>{0, 1, 2} : std::vector<uint64_t>{2, 1, 0}));
  }
}

TEST_CASE("the newest gives way when blocks run out, and its answer does not change") {
  fake::Model model(fake::scrambled_text(), {.blocks = 12});
  Engine engine(model, tokenizer(), options());
  std::vector<Request> requests;
  for (uint64_t i = 0; i < 3; ++i) {
    Request request = greedy(i, "prompt " + std::to_string(i), 24);
    request.params.temperature = 1;
    request.params.ignore_eos = true;
    requests.push_back(request);
    engine.add(request);
  }
  std::vector<uint64_t> ended;
  Answers answers;
  while (!engine.idle()) {
    const auto events = engine.step();
    answers(events);
    for (const Event& event : events) {
      if (event.finish_reason) ended.push_back(event.id);
    }
  }
  CHECK(engine.stats().preemptions > 0);
  CHECK(ended == std::vector<uint64_t>{0, 1, 2});
  fake::Model roomy(fake::scrambled_text());
  Engine other(roomy, tokenizer(), options());
  for (const Request& request : requests) other.add(request);
  CHECK(fake::same(answers.by_id, answer_all(other)));
}

TEST_CASE("the cache's size limits a sequence as the context does") {
  fake::Model model(fake::answering("?", "a long answer"), {.blocks = 3});
  Engine engine(model, tokenizer(), options());
  CHECK_THROWS_WITH(engine.add(greedy(0, "123456789012")), Catch::Contains("cache of 12 tokens"));
  engine.add(greedy(1, "1234567?"));
  const auto answers = answer_all(engine);
  CHECK(answers.at(1).text == "a lo");
  CHECK(answers.at(1).finish_reason == FinishReason::length);
}

TEST_CASE("a model that fails ends the requests of that call and nothing else") {
  fake::Model model(fake::answering("?", "abc"));
  Engine engine(model, tokenizer(), options(2));
  for (uint64_t i = 0; i < 3; ++i) engine.add(greedy(i, "so?"));
  model.on_forward = [&model] {
    if (model.calls.size() == 2) throw base::Error(base::ExitCode::device, "out of memory");
  };
  const auto answers = answer_all(engine);
  for (const uint64_t id : {0, 1}) {
    CHECK(answers.at(id).finish_reason == FinishReason::failed);
    CHECK(answers.at(id).error.find("out of memory") != std::string::npos);
  }
  CHECK(answers.at(2).text == "abc");
  CHECK(engine.pool().used() == 0);
}

TEST_CASE("logits that are no numbers end their own request") {
  fake::Model model([](const auto& sequence, std::span<float> logits) {
    logits['x'] = sequence[0] == 'b' ? std::numeric_limits<float>::quiet_NaN() : 1.0F;
  });
  Engine engine(model, tokenizer(), options());
  engine.add(greedy(0, "a", 3));
  engine.add(greedy(1, "b", 3));
  const auto answers = answer_all(engine);
  CHECK(answers.at(0).text == "xxx");
  CHECK(answers.at(1).finish_reason == FinishReason::failed);
  CHECK(answers.at(1).error.find("not finite") != std::string::npos);
}

TEST_CASE("a request is cancelled at any moment and gives its blocks back") {
  fake::Model model(fake::answering("?", "abcdefgh"));
  Engine engine(model, tokenizer(), options(1));
  engine.add(greedy(0, "12?"));
  engine.add(greedy(1, "12?"));
  engine.step();
  engine.step();
  const auto event = engine.cancel(0);
  REQUIRE(event.has_value());
  CHECK(event->finish_reason == FinishReason::interrupted);
  CHECK(event->usage.completion_tokens == 2);
  CHECK(engine.pool().used() == 0);
  CHECK(engine.cancel(1)->usage.completion_tokens == 0);
  CHECK_FALSE(engine.cancel(0).has_value());
  CHECK(engine.idle());
}

TEST_CASE("prompt log-probabilities come whole in the first event, however the prompt was cut") {
  std::vector<std::vector<PositionLogprobs>> runs;
  for (const auto& [budget, chunk] : {std::pair<int64_t, int64_t>{2048, 2048}, {2048, 5}, {3, 64}}) {
    fake::Model model(fake::scrambled_text());
    EngineOptions given = options(8, budget);
    given.scheduler.prompt_logprobs_chunk = chunk;
    Engine engine(model, tokenizer(), given);
    for (uint64_t i = 0; i < 3; ++i) {
      Request request = greedy(i, "the prompt's own likelihood", 3);
      if (i > 0) request.params.prompt_logprobs = 2;
      engine.add(request);
    }
    const auto answers = answer_all(engine);
    CHECK(answers.at(0).prompt_logprobs.empty());
    CHECK(answers.at(0).tokens == answers.at(1).tokens);
    runs.push_back(answers.at(2).prompt_logprobs);
    REQUIRE(runs.back().size() == 26);
    for (size_t i = 0; i < 26; ++i) {
      CHECK(runs.back()[i].chosen.token_id == bytes("the prompt's own likelihood")[i + 1]);
      CHECK(runs.back()[i].chosen.logprob == runs.front()[i].chosen.logprob);
      CHECK(runs.back()[i].top.size() == 2);
    }
  }
}

TEST_CASE("embeddings use the cache without disturbing those that run") {
  fake::Model model(fake::scrambled_text(), {.blocks = 8});
  Engine engine(model, tokenizer(), options());
  engine.add(greedy(0, "a running request", 8));
  engine.step();
  const auto embeddings = engine.embed({bytes("0123456789012345678901234567"), bytes("xy")});
  CHECK(embeddings == std::vector<std::vector<float>>{{28, '7'}, {2, 'y'}});
  CHECK_THROWS_AS(engine.embed({bytes("x"), {}}), base::Error);
  CHECK_THROWS_WITH(engine.embed({bytes("x")}, "nobody"), Catch::Contains("there is no adapter 'nobody'"));
  Answers answers;
  while (!engine.idle()) answers(engine.step());
  CHECK(answers.by_id.at(0).usage.completion_tokens == 8);
  CHECK(engine.pool().used() == 0);
  CHECK(engine.stats().preemptions == 1);
}

TEST_CASE("no block is lost over random adds, cancels, failures and preemptions") {
  std::mt19937 random(7);
  const auto pick = [&random](uint32_t below) { return random() % below; };
  fake::Model model(fake::scrambled_text(), {.blocks = 48});
  bool failing = false;
  model.on_forward = [&failing] {
    if (failing) throw std::runtime_error("broken");
  };
  EngineOptions given = options(10, 40);
  given.scheduler.policy = Policy::priority;
  Engine engine(model, tokenizer(), given);
  uint64_t id = 0;
  size_t ended = 0;
  for (int step = 0; step < 3000; ++step) {
    if (pick(3) == 0) {
      Request request{.id = id++, .params = {.temperature = 1, .max_new_tokens = 1 + pick(30)}};
      request.prompt = bytes(std::string(1 + pick(50), static_cast<char>('a' + pick(3))));
      request.priority = pick(3);
      request.stream = id;
      if (pick(8) == 0) request.params.prompt_logprobs = 0;
      engine.add(request);
    }
    if (pick(10) == 0) ended += engine.cancel(pick(static_cast<uint32_t>(id) + 1)).has_value();
    if (pick(200) == 0) engine.reset_prefix_cache();
    if (pick(100) == 0) engine.embed({bytes("abc")});
    failing = pick(40) == 0;
    for (const Event& event : engine.step()) ended += event.finish_reason.has_value();
    REQUIRE(engine.pool().consistent());
  }
  failing = false;
  while (!engine.idle()) {
    for (const Event& event : engine.step()) ended += event.finish_reason.has_value();
  }
  CHECK(ended == id);
  CHECK(engine.pool().used() == 0);
  CHECK(engine.pool().consistent());
  CHECK(engine.stats().preemptions > 0);
  CHECK(engine.stats().prefix_hits > 0);
}
