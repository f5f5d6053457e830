#include <catch2/catch.hpp>

#include "text/unicode.h"
#include "tokenizer_golden.h"

using namespace swift;
using namespace swift::text;

TEST_CASE("stream decoder: pieces are whole characters and join to the decoded text") {
  const base::Json golden = golden::cases();
  for (const auto& [name, expected] : golden["tokenizers"].items()) {
    const Tokenizer tokenizer = golden::load_spec(expected["file"]);
    for (const bool skip : {false, true}) {
      StreamDecoder stream(tokenizer, skip);
      for (const base::Json& item : golden["texts"]) {
        const auto ids = tokenizer.encode(item.get<std::string>());
        std::string joined;
        for (const TokenId id : ids) {
          const std::string piece = stream.push(id);
          CAPTURE(name, item.get<std::string>(), piece);
          CHECK(is_valid_utf8(piece));
          joined += piece;
        }
        joined += stream.finish();
        CAPTURE(name, item.get<std::string>());
        CHECK(joined == tokenizer.decode(ids, skip));
      }
    }
  }
}

TEST_CASE("stream decoder: an emoji cut into bytes appears when its last byte is there") {
  const Tokenizer tokenizer = golden::load_spec(golden::cases()["splits"]["file"]);
  const auto byte = [&](uint8_t value) {
    std::string token;
    append_utf8(token, byte_to_char(value));
    return *tokenizer.id_of(token);
  };
  StreamDecoder stream(tokenizer);
  CHECK(stream.push(byte(0xF0)).empty());
  CHECK(stream.push(byte(0x9F)).empty());
  CHECK(stream.push(byte(0x98)).empty());
  CHECK(stream.push(byte(0x80)) == "\xF0\x9F\x98\x80");
  CHECK(stream.finish().empty());
}

TEST_CASE("stream decoder: bytes that never complete become U+FFFD, as in decode") {
  const Tokenizer tokenizer = golden::load_spec(golden::cases()["splits"]["file"]);
  const auto id = [&](uint8_t value) {
    std::string token;
    append_utf8(token, byte_to_char(value));
    return *tokenizer.id_of(token);
  };
  const std::vector<std::vector<uint8_t>> texts = {
      {0xE4, 0xBD},       {0xE4, 'a'},       {0xFF, 0xC3, 0xA9, 0xC3},
      {0xED, 0xA0, 0x80}, {0x80, 0x80, 'x'}, {0xF0, 0x9F, 0xE4, 0xBD, 0xA0}};
  for (const auto& bytes : texts) {
    std::vector<TokenId> ids;
    StreamDecoder stream(tokenizer);
    std::string joined;
    for (const uint8_t value : bytes) {
      ids.push_back(id(value));
      joined += stream.push(ids.back());
    }
    joined += stream.finish();
    CHECK(joined == tokenizer.decode(ids));
    CHECK(is_valid_utf8(joined));
  }
}

TEST_CASE("stream decoder: special tokens are skipped or shown") {
  const Tokenizer tokenizer = golden::load_spec(golden::cases()["tokenizers"]["qwen2-like"]["file"]);
  const TokenId end = *tokenizer.id_of("<|end|>");
  StreamDecoder skipping(tokenizer), showing(tokenizer, false);
  CHECK(skipping.push(end).empty());
  CHECK(showing.push(end) == "<|end|>");
}
