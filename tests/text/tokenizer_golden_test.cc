#include "tokenizer_golden.h"

#include <catch2/catch.hpp>
#include <sstream>
#include <thread>

using namespace swift;
using namespace swift::text;

namespace {

using Ids = std::vector<TokenId>;

std::filesystem::path shared_tokenizers() {
  return std::filesystem::path(SWIFT_SOURCE_DIR) / ".." / "shared" / "data" / "tokenizers";
}

// Cases stand between lines "__ggml_vocab_test__"; the line end before the separator is not part of a case.
std::vector<std::string> read_cases(const std::filesystem::path& path) {
  const std::string text = base::read_file(path);
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::vector<std::string> cases;
  size_t from = 0;
  for (size_t at = text.find(separator); at != std::string::npos; at = text.find(separator, from)) {
    cases.push_back(text.substr(from, at - from));
    from = at + separator.size();
  }
  std::string last = text.substr(from);
  if (!last.empty() && last.back() == '\n') last.pop_back();
  if (!last.empty()) cases.push_back(last);
  return cases;
}

std::vector<Ids> read_ids(const std::filesystem::path& path) {
  std::istringstream text(base::read_file(path));
  std::vector<Ids> all;
  for (std::string line; std::getline(text, line);) {
    std::istringstream numbers(line);
    Ids ids;
    for (TokenId id; numbers >> id;) ids.push_back(id);
    all.push_back(ids);
  }
  return all;
}

}  // namespace

TEST_CASE("tokenizer: ids and decoded text equal those of Hugging Face's tokenizers") {
  const base::Json golden = golden::cases();
  for (const auto& [name, expected] : golden["tokenizers"].items()) {
    const Tokenizer tokenizer = golden::load_spec(expected["file"]);
    for (size_t i = 0; i < golden["texts"].size(); ++i) {
      const auto text = golden["texts"][i].get<std::string>();
      CAPTURE(name, text);
      const Ids ids = tokenizer.encode(text);
      CHECK(ids == expected["ids"][i].get<Ids>());
      CHECK(tokenizer.decode(ids) == expected["decoded"][i].get<std::string>());
      CHECK(tokenizer.decode(ids, true) == expected["decoded_without_special"][i].get<std::string>());
      CHECK(tokenizer.encode(text) == ids);  // now from the cache
    }
  }
}

TEST_CASE("tokenizer: every split behavior cuts as Hugging Face's tokenizers do") {
  const base::Json golden = golden::cases()["splits"];
  for (const base::Json& one : golden["cases"]) {
    base::Json spec = golden["file"];
    spec["pre_tokenizer"] = one["pre_tokenizer"];
    const Tokenizer tokenizer = golden::load_spec(spec);
    for (size_t i = 0; i < golden["texts"].size(); ++i) {
      const auto text = golden["texts"][i].get<std::string>();
      CAPTURE(one["pre_tokenizer"].dump(), text);
      CHECK(tokenizer.encode(text) == one["ids"][i].get<Ids>());
    }
  }
}

TEST_CASE("tokenizer: the vocabularies of Qwen2 and Llama 3 give every expected id") {
  if (!std::filesystem::exists(shared_tokenizers())) {
    WARN("skipped: " << shared_tokenizers().string() << " is absent");
    return;
  }
  for (const char* name : {"qwen2", "llama3"}) {
    const auto folder = shared_tokenizers() / name;
    const Tokenizer tokenizer = Tokenizer::load(folder);
    const auto texts = read_cases(folder / "vectors.inp");
    const auto expected = read_ids(folder / "vectors.out");
    REQUIRE(texts.size() == expected.size());
    for (size_t i = 0; i < texts.size(); ++i) {
      CAPTURE(name, i, texts[i]);
      CHECK(tokenizer.encode(texts[i]) == expected[i]);
      CHECK(tokenizer.decode(expected[i]) == texts[i]);
    }
  }
}

TEST_CASE("tokenizer: invalid UTF-8 is encoded as U+FFFD") {
  const Tokenizer tokenizer = golden::load_spec(golden::cases()["tokenizers"]["qwen2-like"]["file"]);
  const std::string bad = "\xEF\xBF\xBD";
  CHECK(tokenizer.decode(tokenizer.encode("a\xFFz")) == "a" + bad + "z");
  CHECK(tokenizer.decode(tokenizer.encode("\xE4\xBD")) == bad);                  // cut off: one part
  CHECK(tokenizer.decode(tokenizer.encode("\xED\xA0\x80")) == bad + bad + bad);  // a surrogate
  CHECK(tokenizer.decode(tokenizer.encode("\xF0\x9F\x98X\xC0\x80")) == bad + "X" + bad + bad);
  CHECK(tokenizer.encode(std::string("a\0b", 3)).size() == 3);
}

TEST_CASE("tokenizer: token and id look-ups include added tokens") {
  const Tokenizer tokenizer = golden::load_spec(golden::cases()["tokenizers"]["qwen2-like"]["file"]);
  const TokenId end = *tokenizer.id_of("<|end|>");
  CHECK(tokenizer.token_of(end) == "<|end|>");
  CHECK(tokenizer.bytes_of(end) == "<|end|>");
  CHECK(tokenizer.is_special(end));
  CHECK_FALSE(tokenizer.is_special(*tokenizer.id_of("<left>")));
  CHECK(tokenizer.bytes_of(*tokenizer.id_of("Ġthe")) == " the");
  CHECK(tokenizer.token_of(*tokenizer.id_of("Ġthe")) == "Ġthe");
  CHECK_FALSE(tokenizer.id_of("no such token").has_value());
  CHECK(tokenizer.vocab_size() == static_cast<size_t>(*tokenizer.id_of("caf\x65\xCC\x81")) + 1);
  for (const TokenId id : {-1, -2147483647, 1 << 30, static_cast<TokenId>(tokenizer.vocab_size())}) {
    CHECK(tokenizer.token_of(id).empty());
    CHECK(tokenizer.bytes_of(id).empty());
    CHECK_FALSE(tokenizer.is_special(id));
    CHECK(tokenizer.decode(std::vector<TokenId>{id}).empty());
  }
}

TEST_CASE("tokenizer: long texts without a space and long runs of one kind end") {
  const Tokenizer tokenizer = golden::load_spec(golden::cases()["tokenizers"]["qwen2-like"]["file"]);
  std::string mixed;
  for (int i = 0; i < 250'000; ++i) mixed += "thecat"[(i * 7919) % 6];
  for (const std::string& text :
       {std::string(1'000'000, 'a'), mixed, std::string(1'000'000, ' '), std::string(300'000, '\n'),
        std::string(300'000, '7'), std::string(300'000, '!')}) {
    CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
  }
}

TEST_CASE("tokenizer: several threads encode with one tokenizer") {
  const base::Json golden = golden::cases();
  const base::Json& expected = golden["tokenizers"]["gpt4o-like"];
  const Tokenizer tokenizer = golden::load_spec(expected["file"]);
  const auto texts = golden["texts"].get<std::vector<std::string>>();
  const auto ids = expected["ids"].get<std::vector<Ids>>();
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5; ++round) {
        for (size_t i = 0; i < texts.size(); ++i) wrong += tokenizer.encode(texts[i]) != ids[i];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}
