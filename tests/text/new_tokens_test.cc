#include "text/new_tokens.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "text/tokenizer.h"

using namespace swift;
using namespace swift::text;
namespace fs = std::filesystem;

namespace {

fs::path model_directory() {
  const fs::path path = fs::temp_directory_path() / ("swift-new-tokens-" + std::to_string(getpid()));
  fs::remove_all(path);
  fs::create_directories(path / "out");
  base::write_file_atomic(path / "tokenizer.json", R"({
    "version": "1.0", "added_tokens": [{"id": 3, "content": "<s>", "special": true, "normalized": false}],
    "normalizer": null,
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
    "post_processor": null, "decoder": {"type": "ByteLevel"},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})");
  base::write_file_atomic(path / "tokenizer_config.json",
                          R"({"added_tokens_decoder": {"3": {"content": "<s>"}}, "eos_token": "<s>"})");
  return path;
}

}  // namespace

TEST_CASE("new special tokens get the ids after the last and are found in text") {
  const fs::path directory = model_directory();
  const Tokenizer plain = Tokenizer::load(directory);
  const Tokenizer wider = Tokenizer::load(directory, {"<think>", "<s>", "ab", "<end>", "<end>"});
  CHECK(plain.vocab_size() == 4);
  CHECK(wider.vocab_size() == 6);
  CHECK(wider.encode("ab<think>a<end>") == std::vector<TokenId>{2, 4, 0, 5});
  CHECK(wider.id_of("<s>") == 3);
  CHECK(wider.is_special(4));
  CHECK(wider.is_special(2));  // a text of the vocabulary keeps its id
  CHECK(wider.decode(std::vector<TokenId>{0, 4, 1}, true) == "ab");
  fs::remove_all(directory);
}

TEST_CASE("the written tokenizer holds the new tokens and all that was there") {
  const fs::path directory = model_directory();
  const std::vector<std::string> tokens = {"<think>", "\xc3\xa9"};
  write_with_special_tokens(directory, tokens, directory / "out");
  const Tokenizer written = Tokenizer::load(directory / "out");
  CHECK(written.vocab_size() == 6);
  CHECK(written.id_of("\xc3\xa9") == 5);
  CHECK(written.encode("a<think>") == Tokenizer::load(directory, tokens).encode("a<think>"));
  const auto config = base::read_json(directory / "out/tokenizer_config.json");
  CHECK(config.at("added_tokens_decoder").at("4").at("content") == "<think>");
  CHECK(config.at("eos_token") == "<s>");
  // Adding what is there changes nothing.
  write_with_special_tokens(directory / "out", tokens, directory / "out");
  CHECK(Tokenizer::load(directory / "out").vocab_size() == 6);
  fs::remove_all(directory);
}
