#include "text/bpe_trainer.h"

#include <catch2/catch.hpp>

#include "tokenizer_golden.h"

using namespace swift;
using namespace swift::text;

namespace {
const std::vector<std::string> kSpecial = {"<|endoftext|>", "<|im_start|>", "<|im_end|>"};
const std::vector<std::string> kTexts = {"the cat and the hat, the cat's hat", "the bat 2024 2024",
                                         "你好 你好 caf\u00e9 cafe\u0301"};
}  // namespace

TEST_CASE("BPE trainer: the file loads, encodes and decodes") {
  const Tokenizer tokenizer = golden::load_text(train_bpe(kTexts, 300, kSpecial));
  for (const std::string text :
       {"the cat", "\n\n  x\ty", "你好!", "Größe 2024", "<|im_start|>the hat<|im_end|>\n"}) {
    CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
  }
  CHECK(tokenizer.encode(" the").size() == 1);
  CHECK(tokenizer.encode("2024").size() == 4);
  CHECK(tokenizer.encode("caf\u00e9") == tokenizer.encode("cafe\u0301"));
}

TEST_CASE("BPE trainer: special tokens have the highest ids, bytes the lowest") {
  const Tokenizer tokenizer = golden::load_text(train_bpe(kTexts, 270, kSpecial));
  CHECK(tokenizer.vocab_size() == 270);
  for (size_t i = 0; i < kSpecial.size(); ++i) {
    const TokenId id = *tokenizer.id_of(kSpecial[i]);
    CHECK(id == static_cast<TokenId>(267 + i));
    CHECK(tokenizer.is_special(id));
  }
  CHECK(tokenizer.token_of(0) == "!");
  CHECK(tokenizer.token_of(256) == "at");  // the most frequent pair
}

TEST_CASE("BPE trainer: the order of the texts does not matter") {
  auto reversed = kTexts;
  std::reverse(reversed.begin(), reversed.end());
  CHECK(train_bpe(kTexts, 290, kSpecial) == train_bpe(reversed, 290, kSpecial));
}

TEST_CASE("BPE trainer: it stops when no pair occurs twice") {
  const std::vector<std::string> texts = {"abcdefg"};
  CHECK(golden::load_text(train_bpe(texts, 1000, {})).vocab_size() == 256);
  CHECK(golden::load_text(train_bpe({}, 1000, kSpecial)).vocab_size() == 259);
}

TEST_CASE("BPE trainer: overlapping pairs are counted as they merge") {
  const std::vector<std::string> texts = {"aaaaaaa aaaa aaa"};
  const Tokenizer tokenizer = golden::load_text(train_bpe(texts, 259, {}));
  CHECK(tokenizer.token_of(256) == "aa");
  CHECK(tokenizer.token_of(257) == "aaaa");  // three times in "aa aa aa a", "aa aa", "aa a"
  CHECK(tokenizer.token_of(258) == "aaa");
}

TEST_CASE("BPE trainer: impossible requests are errors") {
  CHECK_THROWS_AS(train_bpe(kTexts, 258, kSpecial), base::Error);
  CHECK_THROWS_AS(train_bpe(kTexts, 300, std::vector<std::string>{"<x>", "<x>"}), base::Error);
  CHECK_THROWS_AS(train_bpe(kTexts, 300, std::vector<std::string>{""}), base::Error);
  CHECK_THROWS_AS(train_bpe(kTexts, 300, std::vector<std::string>{"a"}), base::Error);
  CHECK_THROWS_AS(train_bpe(kTexts, 300, std::vector<std::string>{"the"}), base::Error);
}
