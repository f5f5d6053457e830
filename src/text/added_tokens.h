// The "added_tokens" of tokenizer.json: texts that become one id wherever they stand, found before anything
// else is done with the text.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/normalizer.h"
#include "text/tokenizer_file.h"

namespace swift::text {

struct AddedToken {
  int32_t id = 0;
  std::string content;  // as written in tokenizer.json
  std::string shown;    // as decoded: the normalized spelling when `normalized`
  bool special = false;
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // takes the white space after it
  bool single_word = false;  // only where no word character touches it
  bool normalized = false;   // looked for in the normalized text, in its own normalized spelling
};

// A part of the text: an added token (id >= 0) or text still to be encoded (id -1).
struct Segment {
  size_t begin = 0;
  size_t end = 0;
  int32_t id = -1;
};

// Texts by their bytes; finds the longest that starts at a position.
class TextTrie {
 public:
  TextTrie() : nodes_(1) {}
  void add(std::string_view text, uint32_t value);
  // Value of the longest text that starts at `at`, its length in `length`; -1 when none does.
  int64_t longest(std::string_view text, size_t at, size_t& length) const;
  bool starts(unsigned char byte) const { return first_[byte]; }
  bool empty() const { return nodes_.size() == 1; }

 private:
  struct TrieNode {
    int64_t value = -1;
    std::vector<std::pair<unsigned char, uint32_t>> children;  // sorted by byte
  };
  std::vector<TrieNode> nodes_;
  bool first_[256] = {};
};

class AddedTokens {
 public:
  AddedTokens() = default;
  // `list` is the array of added_tokens. Throws Error(model) naming the entry.
  static AddedTokens from_node(const Node& list, const Normalizer& normalizer);

  const AddedToken* find(int32_t id) const;
  const AddedToken* find(std::string_view content) const;
  const std::vector<AddedToken>& all() const { return tokens_; }

  // Cuts the text as written at the tokens with normalized = false.
  void split_raw(std::string_view text, std::vector<Segment>& out) const { split(text, raw_, out); }
  // Cuts normalized text at the tokens with normalized = true.
  void split_normalized(std::string_view text, std::vector<Segment>& out) const {
    split(text, normalized_, out);
  }

 private:
  void split(std::string_view text, const TextTrie& trie, std::vector<Segment>& out) const;

  std::vector<AddedToken> tokens_;
  std::unordered_map<int32_t, uint32_t> by_id_;
  std::unordered_map<std::string, uint32_t> by_content_;
  TextTrie raw_;
  TextTrie normalized_;
};

}  // namespace swift::text
