// Byte-pair encoding (Sennrich et al., ACL 2016) with the merges of tokenizer.json: in a word, the pair of
// lowest rank merges first, the leftmost of equals.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/bpe_table.h"
#include "text/tokenizer_file.h"

namespace swift::text {

// Working memory of one thread: the words seen lately with their ids, and the arrays of the merge.
class BpeScratch {
 public:
  BpeScratch();

 private:
  friend class Bpe;
  static constexpr size_t kWordBytes = 26;
  static constexpr size_t kWordIds = 8;
  // One cache line; longer words and longer encodings are not kept.
  struct alignas(64) Cached {
    char word[kWordBytes];
    uint8_t length;  // 0: empty slot
    uint8_t count;
    int32_t ids[kWordIds];
  };
  struct Symbol {
    int32_t id;
    int32_t previous;
    int32_t next;
    uint32_t rank;  // of the pair it begins
  };
  struct Candidate {
    uint32_t rank;
    int32_t left;  // symbol index
    int32_t id;    // of the merged token
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : left > other.left;
    }
  };
  std::vector<Cached> cache_;  // direct-mapped by the word's hash
  std::vector<int32_t> ids_;
  std::vector<uint32_t> ranks_;
  std::vector<int32_t> merged_;
  std::vector<Symbol> symbols_;
  std::vector<Candidate> heap_;
};

class Bpe {
 public:
  Bpe() = default;
  // Takes the file's texts. `bytes`: words will be bytes that stand for GPT-2's characters. Throws
  // Error(model) naming the key when the model is of another type, a key is missing or a merge is invalid.
  Bpe(TokenizerFile& file, bool bytes);
  Bpe(const Bpe&) = delete;
  Bpe& operator=(const Bpe&) = delete;

  // Appends the ids of one word.
  void encode(std::string_view word, BpeScratch& scratch, std::vector<int32_t>& out) const;

  const TokenTable& tokens() const { return tokens_; }

 private:
  void read_settings(const Node& model);
  void read_merges(const TokenizerFile& file, const Node& model);
  void first_symbols(std::string_view word, std::vector<int32_t>& ids) const;
  void missing_symbol(std::string_view character, bool& after_unknown, std::vector<int32_t>& ids) const;
  void merge_short(BpeScratch& scratch) const;
  void merge_long(BpeScratch& scratch) const;
  void encode_uncached(std::string_view word, BpeScratch& scratch) const;

  std::string texts_;
  TokenTable tokens_;
  MergeTable merges_;
  bool bytes_ = false;
  bool ignore_merges_ = false;  // a word that is a token is that token, whatever the merges give
  bool byte_fallback_ = false;  // a missing character becomes <0xHH> tokens
  bool fuse_unknown_ = false;
  int32_t unknown_ = -1;
  std::array<int32_t, 256> byte_ids_{};      // of a byte's character; -1 when missing
  std::array<int32_t, 256> fallback_ids_{};  // of <0xHH>
};

}  // namespace swift::text
