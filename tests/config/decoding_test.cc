#include "config/decoding.h"

#include <catch2/catch.hpp>

#include "config/resolve.h"
#include "given.h"

using namespace swift::config;

namespace {

Task resolved(const std::string& yaml, std::vector<std::string>* warnings = nullptr) {
  Task task = given(yaml).task;
  const std::vector<std::string> said = resolve(task, "deploy");
  if (warnings != nullptr) *warnings = said;
  return task;
}

}  // namespace

TEST_CASE("nothing is guessed unless a draft model or a number of tokens is given") {
  CHECK(resolved("model: m\n").speculative_tokens == 0);
  CHECK(resolved("model: m\nspeculative_model: d\n").speculative_tokens == 4);
  CHECK(resolved("model: m\nspeculative_model: d\nspeculative_tokens: 7\n").speculative_tokens == 7);
  CHECK(resolved("model: m\nspeculative_tokens: 3\n").speculative_tokens == 3);
}

TEST_CASE("a draft model without guesses, or beside a server, is refused by both names") {
  CHECK_THROWS_WITH(resolved("model: m\nspeculative_model: d\nspeculative_tokens: 0\n"),
                    Catch::Contains("speculative_model needs speculative_tokens above 0"));
  CHECK_THROWS_WITH(resolved("base_url: http://h/v1\nspeculative_model: d\n"),
                    Catch::Contains("speculative_model and base_url exclude each other"));
}

TEST_CASE("answers never depend on others on the CPU, and turning that off is answered with a warning") {
  std::vector<std::string> warnings;
  CHECK(resolved("model: m\n", &warnings).deterministic == true);
  CHECK(warnings.empty());
  CHECK(resolved("model: m\ndeterministic: false\n", &warnings).deterministic == false);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings.front(), Catch::Contains("deterministic: false changes nothing on the CPU"));
}
