#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>

#include "grammar_fixture.h"
#include "tokenizer_golden.h"

using namespace swift;
using namespace swift::text;
using golden::is_allowed;

namespace {

// Ids that the matcher allows, in order.
std::vector<int32_t> allowed(TokenMatcher& state, size_t vocab) {
  std::vector<uint64_t> words((vocab + 63) / 64, ~uint64_t{0});
  state.allowed(words);
  std::vector<int32_t> ids;
  for (size_t i = 0; i < words.size() * 64; ++i) {
    if (is_allowed(words, static_cast<int32_t>(i))) ids.push_back(static_cast<int32_t>(i));
  }
  return ids;
}

std::shared_ptr<const Vocabulary> words_of(std::vector<std::string> tokens) {
  return std::make_shared<const Vocabulary>(std::move(tokens));
}

}  // namespace

TEST_CASE("a token is allowed when all its bytes fit, across the ends of rules") {
  const auto vocabulary =
      words_of({"{\"", "{\"a", "a\":", "\": ", "a", "\"", "1", "12", "12}", "1,", "}", "{", "", "12}}"});
  const auto grammar = compile_json_schema(
      base::parse_json(R"({"properties": {"a": {"type": "integer"}}, "required": ["a"]})", "schema"));
  const auto state = matcher(grammar, vocabulary);
  CHECK(allowed(*state, vocabulary->size()) == std::vector<int32_t>{0, 1, 11});
  CHECK_FALSE(state->accept(2));
  CHECK_FALSE(state->accept(12));
  CHECK_FALSE(state->accept(-1));
  CHECK_FALSE(state->accept(1000));
  CHECK(state->accept(1));
  CHECK(allowed(*state, vocabulary->size()) == std::vector<int32_t>{3, 5});
  CHECK(state->accept(3));
  CHECK(allowed(*state, vocabulary->size()) == std::vector<int32_t>{6, 7, 8});
  const auto other = state->clone();
  CHECK(other->accept(6));
  CHECK(allowed(*other, vocabulary->size()) == std::vector<int32_t>{6, 7, 8, 10});
  CHECK(state->accept(8));
  CHECK(state->may_end());
  CHECK_FALSE(other->may_end());
  CHECK(allowed(*state, vocabulary->size()).empty());
}

TEST_CASE("characters may be split between tokens, but not left unfinished or malformed") {
  const auto vocabulary =
      words_of({"\"", "\xF0\x9F", "\x98\x80", "\xF0", "\x80", "\xC3", "\xA9\"", "\xED", "\xA0"});
  const auto state =
      matcher(compile_json_schema(base::parse_json(R"({"type": "string"})", "schema")), vocabulary);
  REQUIRE(state->accept(0));
  CHECK(allowed(*state, 9) == std::vector<int32_t>{0, 1, 3, 5, 7});
  REQUIRE(state->accept(1));
  CHECK(allowed(*state, 9) == std::vector<int32_t>{2, 4, 8});
  REQUIRE(state->accept(2));
  REQUIRE(state->accept(5));
  CHECK(allowed(*state, 9) == std::vector<int32_t>{4, 6, 8});
  REQUIRE(state->accept(6));
  CHECK(state->may_end());
}

TEST_CASE("masks of a count change only where its end comes within reach of a token") {
  const auto vocabulary = words_of({"\"", "a", "aa", "aaa", "aaa\"", "\\n", "aa\",", "x\"}", ",", "}"});
  const auto grammar =
      compile_json_schema(base::parse_json(R"({"type": "string", "maxLength": 20})", "schema"));
  for (const size_t step : {1, 2, 3}) {
    const auto text = matcher(grammar, vocabulary);
    REQUIRE(text->accept(0));
    for (size_t length = 0; length <= 20; length += step) {
      const std::vector<int32_t> ids = allowed(*text, vocabulary->size());
      for (int32_t token = 0; token < 10; ++token) {
        INFO("token " << token << " after " << length << " characters");
        CHECK(text->clone()->accept(token) == std::binary_search(ids.begin(), ids.end(), token));
      }
      if (length + step <= 20) REQUIRE(text->accept(static_cast<int32_t>(step)));
    }
  }
}

TEST_CASE("words beyond the vocabulary are cleared, and a shorter mask is filled as far as it goes") {
  std::vector<std::string> tokens(200, "a");
  const auto state = matcher(compile_regex("a+"), words_of(tokens));
  CHECK(allowed(*state, 500).size() == 200);
  CHECK(allowed(*state, 64).size() == 64);
}

TEST_CASE("several threads may share a grammar and a vocabulary") {
  const auto grammar = compile_json_object();
  std::vector<std::thread> threads;
  std::vector<int> good(4, 0);
  for (size_t t = 0; t < good.size(); ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i)
        good[t] += golden::fits(grammar, R"({"k)" + std::to_string(i) + R"(": [1, {"x": "y"}, null]})");
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(good == std::vector<int>(4, 20));
}

TEST_CASE("masks over real vocabularies agree with accept() for every token") {
  for (const char* name : {"qwen2", "llama3"}) {
    const std::filesystem::path file =
        std::filesystem::path(SWIFT_SOURCE_DIR) / "../shared/data/tokenizers" / name / "tokenizer.json";
    if (!std::filesystem::exists(file)) {
      WARN("skipped: " << file << " is not there");
      continue;
    }
    const Tokenizer tokenizer = Tokenizer::load(file);
    const auto vocabulary = Vocabulary::of(tokenizer);
    const auto grammar = compile_json_schema(base::parse_json(
        R"({"properties": {"name": {"type": "string", "maxLength": 12}, "tags": {"items": {"type": "string"}},
            "n": {"type": "number", "minimum": 0}}, "required": ["name", "tags", "n"]})",
        "schema"));
    const auto state = matcher(grammar, vocabulary);
    std::vector<uint64_t> words(vocabulary->words());
    for (const TokenId token : tokenizer.encode(R"({"name": "Zoë 😀", "tags": ["a", "北京"], "n": 12.5})")) {
      state->allowed(words);
      for (size_t i = 0; i < vocabulary->size(); ++i) {
        const auto id = static_cast<int32_t>(i);
        const bool fits = state->clone()->accept(id);
        if (fits == is_allowed(words, id) && !(fits && tokenizer.is_special(id))) continue;
        FAIL("token " << id << " of " << name);
      }
      REQUIRE(state->accept(token));
    }
    CHECK(state->may_end());
  }
}
