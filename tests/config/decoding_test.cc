#include "config/decoding.h"

#include <catch2/catch.hpp>

#include "given.h"

using namespace swift::config;

TEST_CASE("nothing is guessed unless a draft model or a number of tokens is given") {
  CHECK(resolved("model: m\n", "deploy").speculative_tokens == 0);
  CHECK(resolved("model: m\nspeculative_model: d\n", "deploy").speculative_tokens == 4);
  CHECK(resolved("model: m\nspeculative_model: d\nspeculative_tokens: 7\n", "deploy").speculative_tokens ==
        7);
  CHECK(resolved("model: m\nspeculative_tokens: 3\n", "deploy").speculative_tokens == 3);
}

TEST_CASE("a draft model without guesses, or beside a server, is refused by both names") {
  CHECK_THROWS_WITH(resolved("model: m\nspeculative_model: d\nspeculative_tokens: 0\n", "deploy"),
                    Catch::Contains("speculative_model needs speculative_tokens above 0"));
  CHECK_THROWS_WITH(resolved("base_url: http://h/v1\nspeculative_model: d\n", "deploy"),
                    Catch::Contains("speculative_model and base_url exclude each other"));
}

TEST_CASE("answers never depend on others on the CPU, and turning that off is answered with a warning") {
  std::vector<std::string> warnings;
  CHECK(resolved("model: m\n", "deploy", &warnings).deterministic == true);
  CHECK(warnings.empty());
  CHECK(resolved("model: m\ndeterministic: false\n", "deploy", &warnings).deterministic == false);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings.front(), Catch::Contains("deterministic: false changes nothing on the CPU"));
}
