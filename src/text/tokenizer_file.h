// tokenizer.json read in one pass: the vocabulary and merges as flat arrays, the small rest as a tree.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace swift::text {

// Ids above this are refused: tables are indexed by id, and no vocabulary comes near.
inline constexpr int64_t kLargestTokenId = (1 << 22) - 1;

// A text inside TokenizerFile::texts.
struct TextSpan {
  uint32_t offset = 0;
  uint32_t length = 0;
};

struct VocabEntry {
  TextSpan token;
  int32_t id = 0;
};

struct MergeEntry {
  TextSpan left;
  TextSpan right;
};

struct TokenizerFile {
  std::string path;                // as given, for errors
  std::string texts;               // every token and merge part, back to back
  std::vector<VocabEntry> vocab;   // model.vocab in file order
  std::vector<MergeEntry> merges;  // model.merges in file order, rank = index
  base::Json rest;  // added_tokens, normalizer, pre_tokenizer, decoder, post_processor, model's settings
  bool vocab_is_object = false;  // false for Unigram, whose vocabulary is a list
  bool has_merges = false;

  std::string_view text(TextSpan span) const {
    return std::string_view(texts).substr(span.offset, span.length);
  }

  // Throws Error(model) naming the file and the key for malformed JSON, a wrong type or an id out of range.
  static TokenizerFile read(const std::filesystem::path& path);
};

// A value of the file together with its place ("pre_tokenizer.pretokenizers[0]"), for errors that name it.
class Node {
 public:
  Node(const base::Json& value, std::string place, const std::string& file)
      : value_(&value), place_(std::move(place)), file_(&file) {}

  Node at(std::string_view key) const;                   // Throws when absent or null
  std::optional<Node> find(std::string_view key) const;  // nothing when absent or null
  std::vector<Node> items() const;                       // Throws when not an array
  std::string string() const;
  bool boolean() const;
  int64_t integer() const;
  std::string string(std::string_view key) const { return at(key).string(); }
  bool boolean(std::string_view key, bool otherwise) const;
  std::string type() const { return string("type"); }

  const base::Json& value() const { return *value_; }
  const std::string& place() const { return place_; }
  const std::string& file() const { return *file_; }

  // Throws Error(model) "<place>: <message>" at the file.
  [[noreturn]] void fail(const std::string& message, const std::string& hint = {}) const;

 private:
  const base::Json* value_;
  std::string place_;
  const std::string* file_;
};

}  // namespace swift::text
