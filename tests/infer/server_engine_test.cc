// The server over the real engine and a model of the tests: what a client does must leave no block behind.
#include <atomic>
#include <condition_variable>
#include <random>

#include "collect.h"
#include "infer/engine_service.h"
#include "server_fixture.h"

using namespace swift;
using namespace swift::infer;
using namespace swift::infer::fake;
using base::Json;

namespace {

// Lets the model's calls through one by one, once it is closed.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_ || permits_ > 0; });
    --waiting_;
    if (!open_) --permits_;
  }
  void close() { set(false, 0); }
  void open() { set(true, 0); }
  void permit() { set(false, 1); }
  void wait_until_a_call_waits() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0 && permits_ == 0; });
  }

 private:
  void set(bool open, int permits) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    permits_ += permits;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int permits_ = 0;
  int waiting_ = 0;
};

struct EngineFixture {
  explicit EngineFixture(Rule rule, const ModelSize& size = {}, EngineOptions given = {},
                         const ServiceOptions& limits = {})
      : model(std::move(rule), size) {
    model.on_forward = [this] {
      gate.pass();
      ++calls;
    };
    given.eos_token_ids = {kEnd};
    service = std::make_unique<EngineService>(model, tokenizer, given, limits);
    server::ServerOptions options = server_options();
    options.compile_grammar = server::grammar_compiler(tokenizer);
    server = std::make_unique<server::Server>(options, *service, tokenizer, prompts, server_template());
  }
  ~EngineFixture() {
    gate.open();
    server.reset();
  }
  Response post(const std::string& path, const Json& body) {
    HttpClient client(server->port());
    return client.post(path, body.dump());
  }
  // True once nothing runs and every block is free.
  bool settles() {
    return ServerFixture::eventually([this] {
      const EngineStats stats = service->stats();
      return stats.running + stats.waiting + stats.blocks_used == 0 && server->open_requests() == 0;
    });
  }

  text::Tokenizer tokenizer = byte_tokenizer();
  PromptBuilder prompts{tokenizer, server_template()};
  Gate gate;
  std::atomic<int> calls = 0;
  Model model;
  std::unique_ptr<EngineService> service;
  std::unique_ptr<server::Server> server;
};

// Room for answers that no test waits for.
constexpr ModelSize kLong = {.positions = 200000, .block_tokens = 4, .blocks = 60000};

// The same letter for ever.
Rule endless() {
  return [](const auto&, std::span<float> logits) { logits['x'] = 20; };
}

Json forever(const Json& members = Json::object()) {
  Json body = ServerFixture::chat("go", {{"stream", true}, {"temperature", 0}, {"ignore_eos", true}});
  body.update(members);
  return body;
}

}  // namespace

TEST_CASE("a client that goes away costs the engine at most one more step") {
  EngineFixture fixture(endless(), kLong);
  HttpClient client(fixture.server->port());
  client.send_post("/v1/chat/completions", forever().dump());
  client.until("\"content\":\"x\"");
  fixture.gate.close();
  fixture.gate.wait_until_a_call_waits();
  client.hang_up();
  // By the time that the request is no longer open the engine has been told.
  REQUIRE(ServerFixture::eventually([&] { return fixture.server->open_requests() == 0; }));
  const int before = fixture.calls;
  fixture.gate.permit();
  CHECK(fixture.settles());
  CHECK(fixture.calls == before + 1);  // the one that was under way
}

TEST_CASE("a client that goes away while its request waits never runs") {
  EngineOptions options;
  options.scheduler.max_num_seqs = 1;
  EngineFixture fixture(endless(), kLong, options);
  HttpClient first(fixture.server->port());
  first.send_post("/v1/chat/completions", forever().dump());
  first.until("\"content\":\"x\"");
  HttpClient second(fixture.server->port());
  second.send_post("/v1/chat/completions", forever({{"n", 1}}).dump());
  REQUIRE(ServerFixture::eventually([&] { return fixture.service->stats().waiting == 1; }));
  second.hang_up();
  CHECK(ServerFixture::eventually([&] { return fixture.service->stats().waiting == 0; }));
  CHECK(fixture.service->stats().running == 1);
  first.hang_up();
  CHECK(fixture.settles());
}

TEST_CASE("max_queue counts those that find no place, so that an idle engine takes what fits") {
  EngineOptions options;
  options.scheduler.max_num_seqs = 2;
  EngineFixture fixture(endless(), kLong, options, {.max_waiting = 0});
  std::vector<std::unique_ptr<HttpClient>> clients;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(std::make_unique<HttpClient>(fixture.server->port()));
    clients.back()->send_post("/v1/chat/completions", forever().dump());
    clients.back()->until("\"content\":\"x\"");
  }
  CHECK(fixture.post("/v1/chat/completions", forever()).status == 429);
  clients.clear();
  CHECK(fixture.settles());
  CHECK(fixture.post("/v1/chat/completions", forever({{"max_tokens", 3}})).status == 200);
  CHECK(fixture.post("/v1/chat/completions", ServerFixture::chat("go", {{"n", 3}, {"temperature", 1}}))
            .status == 400);
  CHECK(fixture.settles());
}

TEST_CASE("a prompt that no cache could hold is refused, and answers end where the cache does") {
  EngineFixture fixture(endless(), {.positions = 4096, .block_tokens = 4, .blocks = 12});
  Response response = fixture.post("/v1/completions", {{"prompt", std::string(60, 'a')}, {"max_tokens", 1}});
  CHECK(response.status == 400);
  CHECK(Json::parse(response.body)["error"]["message"] ==
        "the prompt has 60 tokens, which leaves no room for an answer in the key/value cache of 48 tokens");
  response = fixture.post("/v1/completions", {{"prompt", std::string(40, 'a')}, {"max_tokens", 100}});
  CHECK(response.status == 200);
  const Json body = Json::parse(response.body);
  CHECK(body["choices"][0]["finish_reason"] == "length");
  CHECK(body["usage"]["completion_tokens"] == 8);
  CHECK(fixture.settles());
}

TEST_CASE("more answers than the cache holds give way to each other, and each is complete") {
  EngineFixture fixture(endless(), {.positions = 64, .block_tokens = 4, .blocks = 24});
  Json request = {{"prompt", {"one", "two", "three", "four", "five", "six"}},
                  {"max_tokens", 50},
                  {"temperature", 0},
                  {"ignore_eos", true}};
  const Response response = fixture.post("/v1/completions", request);
  REQUIRE(response.status == 200);
  const Json body = Json::parse(response.body);
  for (const Json& choice : body["choices"]) CHECK(choice["text"] == std::string(50, 'x'));
  CHECK(fixture.service->stats().preemptions > 0);
  CHECK(fixture.settles());
}

TEST_CASE("embeddings of many inputs let answers go on between them") {
  EngineFixture fixture(endless(), kLong);
  HttpClient client(fixture.server->port());
  client.send_post("/v1/chat/completions", forever({{"max_tokens", 2000}}).dump());
  client.until("\"content\":\"x\"");
  const Response response =
      fixture.post("/v1/embeddings", {{"input", std::vector<std::string>(300, "some text")}});
  CHECK(response.status == 200);
  CHECK(Json::parse(response.body)["data"].size() == 300);
  client.hang_up();
  CHECK(fixture.settles());
}

// Takes a good request apart: another type, another size, a member less or more, bytes changed, cut short.
TEST_CASE("no request of a fuzz run leaves a block behind or an answer of 5xx") {
  EngineFixture fixture(scrambled_text(), {.positions = 128, .block_tokens = 4, .blocks = 64});
  std::mt19937 random(7);
  const auto pick = [&](const auto& from) -> const auto& {
    return from[random() % from.size()];
  };
  const std::vector<std::pair<std::string, Json>> good = {
      {"/v1/chat/completions",
       ServerFixture::chat("hello", {{"max_tokens", 9}, {"n", 2}, {"tools", weather_tools()}})},
      {"/v1/chat/completions",
       ServerFixture::chat("x", {{"stream", true}, {"max_tokens", 5}, {"logprobs", true}})},
      {"/v1/chat/completions",
       ServerFixture::chat("x", {{"max_tokens", 20}, {"structured_outputs", {{"regex", "[a-c]{2,9}"}}}})},
      {"/v1/completions", {{"prompt", {"ab", "cd"}}, {"max_tokens", 4}, {"echo", true}, {"logprobs", 2}}},
      {"/v1/responses", {{"input", "hello"}, {"max_output_tokens", 6}}},
      {"/v1/messages", Json::parse(R"({"max_tokens":6,"messages":[{"role":"user","content":"hello"}]})")},
      {"/v1/embeddings", {{"input", {"ab", "cd"}}}}};
  const std::vector<Json> values = {nullptr,
                                    true,
                                    -1,
                                    0,
                                    1,
                                    3,
                                    1e18,
                                    -0.5,
                                    1e308,
                                    "",
                                    "x",
                                    std::string(500, 'y'),
                                    "\xC3\xA9",
                                    Json::array(),
                                    Json::object(),
                                    Json({1, "a"}),
                                    Json({{"a", 1}}),
                                    Json({Json::array()})};
  const std::vector<std::string> members = {"max_tokens", "n",          "stream",         "temperature",
                                            "top_p",      "stop",       "seed",           "echo",
                                            "logprobs",   "tools",      "messages",       "prompt",
                                            "input",      "min_tokens", "logit_bias",     "response_format",
                                            "priority",   "cache_salt", "stop_token_ids", "prompt_logprobs",
                                            "tool_choice"};
  std::map<int, int> statuses;
  for (int i = 0; i < 400; ++i) {
    auto [path, body] = pick(good);
    for (size_t changes = random() % 3; changes > 0; --changes) body[pick(members)] = pick(values);
    std::string text = body.dump();
    if (random() % 4 == 0) text[random() % text.size()] = static_cast<char>(random());
    if (random() % 8 == 0) text.resize(random() % text.size());
    HttpClient client(fixture.server->port());
    client.send_post(path, text);
    if (random() % 6 == 0) continue;  // goes away at once
    const Response response = client.read();
    ++statuses[response.status];
    INFO(path << " " << text);
    CHECK(response.status < 500);
  }
  CHECK(statuses[200] > 50);
  CHECK(statuses[400] > 50);
  CHECK(fixture.settles());
  CHECK(fixture.post("/v1/completions", {{"prompt", "ab"}}).status == 200);
}
