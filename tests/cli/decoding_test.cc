// Guesses of a draft model, and what a server says of its work.
#include <regex>

#include "server.h"

using namespace swift;
using namespace swift::tests;

namespace {

double figure(uint16_t port, const std::string& name) {
  const std::string text = ask(port, "/metrics").text, head = "\n" + name + "{model_name=\"tiny\"} ";
  const size_t at = text.find(head);
  REQUIRE(at != std::string::npos);
  return std::stod(text.substr(at + head.size()));
}

bool log_matches(const Deployed& server, const std::string& pattern) {
  for (int i = 0; i < 1000; ++i) {
    if (std::regex_search(server.log(), std::regex(pattern))) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

}  // namespace

TEST_CASE("a draft model changes no answer, and the metrics count its guesses") {
  const Fixture& f = fixture();
  const std::vector<std::string> asks = {"infer", "--model", f.model, "--prompt", "say 1 and 2"};
  for (const char* temperature : {"0", "1"}) {
    std::vector<std::string> words = asks;
    words.insert(words.end(), {"--temperature", temperature, "--max_new_tokens", "20"});
    const Outcome alone = swift::tests::swift(words);
    words.insert(words.end(), {"--speculative_model", f.model});
    const Outcome guessed = swift::tests::swift(words);
    INFO(guessed.err);
    CHECK(guessed.code == 0);
    CHECK(guessed.out == alone.out);
  }
  const base::Json asked = question({{"logprobs", true}, {"top_logprobs", 2}, {"ignore_eos", true}});
  Deployed plain(f.model);
  const Reply want = ask(plain.port(), "/v1/chat/completions", asked.dump());
  CHECK(figure(plain.port(), "vllm:spec_decode_num_draft_tokens_total") == 0);
  Deployed server(f.model, {"--speculative_model", f.model, "--speculative_tokens", "3"});
  const Reply got = ask(server.port(), "/v1/chat/completions", asked.dump());
  REQUIRE(got.status == 200);
  CHECK(got.json()["choices"] == want.json()["choices"]);
  const double drafts = figure(server.port(), "vllm:spec_decode_num_drafts_total");
  const double drafted = figure(server.port(), "swift_spec_decode_num_draft_tokens_total");
  CHECK(drafts > 0);
  CHECK(drafted > drafts);
  CHECK(drafted <= 3 * drafts);
  CHECK(figure(server.port(), "swift_spec_decode_num_accepted_tokens_total") == drafted);  // its own guesses
}

TEST_CASE("a draft model of other tokens, or none at all, is refused before anything is served") {
  const Fixture& f = fixture();
  const auto refusal = [&](const std::vector<std::string>& more, int code) {
    std::vector<std::string> words = {"deploy", "--model", f.model, "--host", "127.0.0.1", "--port", "0"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = swift::tests::swift(words);
    INFO(outcome.err);
    CHECK(outcome.code == code);
    CHECK(outcome.out.empty());
    return outcome.err;
  };
  const fs::path other = fs::path(SWIFT_SOURCE_DIR) / "assets/demo/base";
  CHECK_THAT(refusal({"--speculative_model", other}, 2),
             Catch::Contains("speculative_model: its tokens are not those of the model") &&
                 Catch::Contains("take a smaller model of the same family"));
  refusal({"--speculative_model", f.root / "nowhere"}, 4);
  CHECK_THAT(refusal({"--speculative_model", f.model, "--speculative_tokens", "0"}, 2),
             Catch::Contains("speculative_model needs speculative_tokens above 0"));
}

TEST_CASE("a server logs a line for each request and one of statistics, unless it is told not to") {
  const Fixture& f = fixture();
  Deployed server(f.model, {"--log_interval", "1"});
  const base::Json asked = question({{"ignore_eos", true}, {"request_id", "mine-7"}});
  REQUIRE(ask(server.port(), "/v1/chat/completions", asked.dump()).status == 200);
  const std::string seconds = R"( \d+\.\d{3} s, )";
  CHECK(log_matches(server, R"(server: \S*mine-7 chat \d+\+12 tokens, TTFT)" + seconds + "ITL" + seconds +
                                R"(\d+\.\d{3} s, length)"));
  CHECK(log_matches(server, R"(server: 0 running, 0 waiting; prompt \d+\.\d tokens/s, generation \d+\.\d )"
                            R"(tokens/s; cache \d+\.\d %; prefix hits \d+\.\d %)"));
  Deployed quiet(f.model, {"--log_interval", "0", "--verbose", "false"});
  REQUIRE(ask(quiet.port(), "/v1/chat/completions", asked.dump()).status == 200);
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  CHECK(quiet.log().find("tokens") == std::string::npos);
}

TEST_CASE("deterministic may be turned off, which changes nothing on the CPU and says so") {
  const Fixture& f = fixture();
  const std::vector<std::string> words = {
      "infer", "--model", f.model, "--prompt", "say 1 and 2", "--temperature", "1", "--max_new_tokens", "12"};
  std::vector<std::string> off = words;
  off.insert(off.end(), {"--deterministic", "false"});
  const Outcome usual = swift::tests::swift(words), other = swift::tests::swift(off);
  CHECK(other.code == 0);
  CHECK(other.out == usual.out);
  CHECK(other.err.find("deterministic: false changes nothing on the CPU") != std::string::npos);
  CHECK(usual.err.find("deterministic") == std::string::npos);
}
