#include "text/bpe_table.h"

#include <bit>

namespace swift::text {

void TokenTable::build(const std::string& texts, const std::vector<VocabEntry>& entries) {
  texts_ = texts.data();
  texts_size_ = texts.size();
  slots_.assign(std::bit_ceil(entries.size() * 2 + 2), Slot{});
  int32_t largest = -1;
  for (const VocabEntry& entry : entries) largest = std::max(largest, entry.id);
  by_id_.assign(static_cast<size_t>(largest + 1), TextSpan{kNone, 0});
  const size_t mask = slots_.size() - 1;
  for (const VocabEntry& entry : entries) {
    const std::string_view token(texts_ + entry.token.offset, entry.token.length);
    const uint64_t hash = hash_text(token);
    size_t at = hash & mask;
    const auto tag = static_cast<uint32_t>(hash >> 32);
    while (slots_[at].offset != kNone &&
           !(slots_[at].tag == tag &&
             token == std::string_view(texts_ + slots_[at].offset, slots_[at].length))) {
      at = (at + 1) & mask;
    }
    slots_[at] = {tag, entry.token.length, entry.token.offset, entry.id};
    by_id_[static_cast<size_t>(entry.id)] = entry.token;
  }
}

int32_t TokenTable::find(std::string_view token) const {
  if (slots_.empty()) return -1;
  const uint64_t hash = hash_text(token);
  const size_t mask = slots_.size() - 1;
  const auto tag = static_cast<uint32_t>(hash >> 32);
  for (size_t at = hash & mask; slots_[at].offset != kNone; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.tag == tag && slot.length == token.size() &&
        std::memcmp(texts_ + slot.offset, token.data(), token.size()) == 0) {
      return slot.id;
    }
  }
  return -1;
}

std::string_view TokenTable::text_of(int32_t id) const {
  if (!has(id)) return {};
  const TextSpan span = by_id_[static_cast<size_t>(id)];
  return {texts_ + span.offset, span.length};
}

void MergeTable::reserve(size_t merges) {
  slots_.assign(std::bit_ceil(merges + merges / 2 + 2), Slot{});
  mask_ = slots_.size() - 1;
  const size_t bits = std::bit_ceil(merges * 8 + 64);
  filter_.assign(bits / 64, 0);
  filter_shift_ = 64 - std::countr_zero(bits);
}

void MergeTable::set(int32_t left, int32_t right, Merge merge) {
  const uint64_t key = key_of(left, right);
  const uint64_t hash = hash_of(key);
  filter_[hash >> filter_shift_ >> 6] |= uint64_t{1} << (hash >> filter_shift_ & 63);
  size_t at = hash >> 24 & mask_;
  while (slots_[at].key != kEmpty && slots_[at].key != key) at = (at + 1) & mask_;
  slots_[at] = {key, merge};
}

}  // namespace swift::text
