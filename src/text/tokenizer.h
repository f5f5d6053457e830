// Text to token ids and back, from a Hugging Face tokenizer.json.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace swift::text {

using TokenId = int32_t;

// Immutable after loading; every method may be called from several threads at once.
class Tokenizer {
 public:
  // A tokenizer.json, or a directory that holds one. Throws base::Error(model) naming the file and the
  // unsupported or malformed part. new_special: special tokens to add (new_tokens.h).
  static Tokenizer load(const std::filesystem::path& file_or_directory,
                        const std::vector<std::string>& new_special = {});

  // Ids of the text. Added tokens inside the text are recognised. No post-processor: nothing is added.
  std::vector<TokenId> encode(std::string_view text) const;
  // Text of the ids; bytes that are no valid UTF-8 become U+FFFD. skip_special drops special added tokens.
  std::string decode(std::span<const TokenId> ids, bool skip_special = false) const;
  // The raw bytes of one token, as the decoder would contribute them.
  std::string bytes_of(TokenId id) const;

  std::optional<TokenId> id_of(std::string_view token) const;  // exact token string, added tokens included
  std::string token_of(TokenId id) const;                      // as written in tokenizer.json
  bool is_special(TokenId id) const;
  size_t vocab_size() const;  // 1 + largest id, added tokens included

  struct Impl;

 private:
  friend class StreamDecoder;
  std::shared_ptr<const Impl> impl_;
};

// Turns a stream of ids into text that never ends inside a UTF-8 character.
class StreamDecoder {
 public:
  // The tokenizer must outlive the decoder.
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special = true);
  std::string push(TokenId id);  // text that is complete now, possibly empty
  std::string finish();          // what was held back; incomplete bytes become U+FFFD

 private:
  const Tokenizer* tokenizer_;
  bool skip_special_;
  std::string pending_;    // bytes of an unfinished character, and what the decoder may still strip
  bool started_ = false;   // a token came since the start or finish()
  size_t strip_left_ = 0;  // characters the decoder may still strip at the start
};

}  // namespace swift::text
