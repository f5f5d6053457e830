// Flat hash tables of the BPE model: token text to id, pair of ids to merge.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "text/tokenizer_file.h"

namespace swift::text {

// 64-bit hash of a short text, 8 bytes at a time (multiply and fold).
inline uint64_t hash_text(std::string_view text) {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15u;
  const auto mix = [](uint64_t value) {
    const auto wide = static_cast<unsigned __int128>(value) * kMultiplier;
    return static_cast<uint64_t>(wide) ^ static_cast<uint64_t>(wide >> 64);
  };
  uint64_t hash = text.size() + 1;
  const char* at = text.data();
  size_t left = text.size();
  for (; left >= 8; left -= 8, at += 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    hash = mix(hash ^ word) + kMultiplier;
  }
  uint64_t tail = 0;
  std::memcpy(&tail, at, left);
  return mix(hash ^ tail ^ (uint64_t(left) << 56));
}

// Token text to id. Texts stay in the TokenizerFile's buffer, which must outlive the table.
class TokenTable {
 public:
  // A later entry of the same text replaces an earlier one, as in the reference.
  void build(const std::string& texts, const std::vector<VocabEntry>& entries);
  int32_t find(std::string_view token) const;  // -1 when absent
  std::string_view text_of(int32_t id) const;  // empty when no token has the id
  bool has(int32_t id) const {
    return id >= 0 && static_cast<size_t>(id) < by_id_.size() && by_id_[id].offset != kNone;
  }
  size_t size() const { return by_id_.size(); }  // 1 + largest id

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Slot {
    uint32_t tag = 0;  // upper half of the hash
    uint32_t length = 0;
    uint32_t offset = kNone;
    int32_t id = 0;
  };
  const char* texts_ = nullptr;
  size_t texts_size_ = 0;
  std::vector<Slot> slots_;
  std::vector<TextSpan> by_id_;
};

struct Merge {
  uint32_t rank = UINT32_MAX;
  int32_t id = -1;
};

// Pair of ids to its merge.
class MergeTable {
 public:
  void reserve(size_t merges);
  void set(int32_t left, int32_t right, Merge merge);
  // rank UINT32_MAX when the pair does not merge.
  Merge find(int32_t left, int32_t right) const {
    const uint64_t key = key_of(left, right);
    const uint64_t hash = hash_of(key);
    // Most pairs of a word do not merge; the filter tells so from memory that stays in the cache.
    if ((filter_[hash >> filter_shift_ >> 6] >> (hash >> filter_shift_ & 63) & 1) == 0) return {};
    for (size_t at = hash >> 24 & mask_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.key == key) return slot.merge;
      if (slot.key == kEmpty) return {};
    }
  }

 private:
  static constexpr uint64_t kEmpty = UINT64_MAX;
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge;
  };
  static uint64_t key_of(int32_t left, int32_t right) {
    return (uint64_t(static_cast<uint32_t>(left)) << 32) | static_cast<uint32_t>(right);
  }
  static uint64_t hash_of(uint64_t key) {
    const uint64_t hash = key * 0x9E3779B97F4A7C15u;
    return (hash ^ (hash >> 29)) * 0xBF58476D1CE4E5B9u;
  }

  std::vector<Slot> slots_ = std::vector<Slot>(2);
  size_t mask_ = 1;
  std::vector<uint64_t> filter_ = std::vector<uint64_t>(1);  // one bit per hash, 8 to 16 per merge
  int filter_shift_ = 58;                                    // its index is the hash's upper bits
};

}  // namespace swift::text
