// swift deploy over the real engine: what it answers, how it starts and stops.
#include "server.h"

using namespace swift;
using namespace swift::tests;

namespace {

// Clock ticks that the process has used.
int64_t cpu_ticks(pid_t pid) {
  const std::string stat = contents("/proc/" + std::to_string(pid) + "/stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string field;
  for (int i = 0; i < 11; ++i) fields >> field;  // state, parent, … up to cmajflt
  int64_t user = 0, system = 0;
  fields >> user >> system;
  return user + system;
}

}  // namespace

TEST_CASE("swift deploy answers by HTTP as swift infer does, and SIGTERM ends it with 0") {
  const Fixture& f = fixture();
  const Outcome alone = swift::tests::swift({"infer", "--model", f.model, "--prompt", "say 1 and 2",
                                             "--temperature", "0", "--max_new_tokens", "12"});
  INFO(alone.err);
  REQUIRE(alone.code == 0);
  Deployed server(f.model);
  const Reply answer = ask(server.port(), "/v1/chat/completions", question().dump());
  REQUIRE(answer.status == 200);
  CHECK(answer.json()["choices"][0]["message"]["content"].get<std::string>() + "\n" == alone.out);
  CHECK(ask(server.port(), "/metrics").text.find("swift_num_requests_waiting") != std::string::npos);
  CHECK(ask(server.port(), "/version").text != R"({"version":"0"})");
  server.signal(SIGTERM);
  CHECK(server.wait() == 0);
  CHECK(contents(scratch_root() / "deploy/out").empty());
}

TEST_CASE("a server without requests uses no CPU, also while connections are open") {
  // With a pool of threads that the model's kernels leave behind.
  Deployed server(fixture().model, {}, {"OMP_NUM_THREADS=2"});
  CHECK(ask(server.port(), "/v1/chat/completions", question().dump()).status == 200);
  std::vector<std::unique_ptr<Client>> idle;
  for (int i = 0; i < 20; ++i) idle.push_back(std::make_unique<Client>(server.port()));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const int64_t before = cpu_ticks(server.pid());
  std::this_thread::sleep_for(std::chrono::seconds(1));
  CHECK(cpu_ticks(server.pid()) - before <= 3);  // of about 100 for one busy thread
}

TEST_CASE("a second signal ends a server that still answers") {
  Deployed server(fixture().model);
  std::vector<std::unique_ptr<Client>> busy;
  for (int i = 0; i < 64; ++i) {
    busy.push_back(std::make_unique<Client>(server.port()));
    busy.back()->send(
        "/v1/chat/completions",
        question({{"stream", true}, {"temperature", 1}, {"n", 16}, {"max_tokens", 100}, {"ignore_eos", true}})
            .dump());
  }
  REQUIRE(busy.front()->until("data: "));
  server.signal(SIGTERM);
  while (server.running() && server.log().find("server: stopping") == std::string::npos)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  server.signal(SIGTERM);
  CHECK(server.wait() == 143);
}

TEST_CASE("a port in use ends the start with 75 and says so") {
  Deployed server(fixture().model);
  const std::string port = std::to_string(server.port());
  const Outcome second =
      swift::tests::swift({"deploy", "--model", fixture().model, "--host", "127.0.0.1", "--port", port});
  CHECK(second.code == 75);
  CHECK(second.err.find("cannot listen on 127.0.0.1:" + port + ": another process uses this port") !=
        std::string::npos);
  CHECK(second.out.empty());
}

TEST_CASE("without room for one block the start ends with 5, and answers end where the cache does") {
  const Outcome none = swift::tests::swift({"deploy", "--model", fixture().model, "--host", "127.0.0.1",
                                            "--port", "0", "--kv_cache_memory", "1e-9"});
  CHECK(none.code == 5);
  CHECK(none.err.find("the key/value cache gets 1 bytes, one block needs") != std::string::npos);
  Deployed server(fixture().model, {"--kv_cache_memory", "0.00002"});
  const Reply more = ask(server.port(), "/v1/chat/completions",
                         question({{"max_tokens", 100}, {"ignore_eos", true}}).dump());
  INFO(more.text);
  REQUIRE(more.status == 200);
  const Reply many = ask(
      server.port(), "/v1/completions",
      R"({"prompt":["a b c","d e f","g h i","k l m"],"max_tokens":40,"ignore_eos":true,"temperature":0})");
  REQUIRE(many.status == 200);
  CHECK(many.json()["choices"].size() == 4);
  CHECK(ask(server.port(), "/metrics").text.find("swift_kv_cache_usage_perc{model_name=\"tiny\"} 0\n") !=
        std::string::npos);
}
