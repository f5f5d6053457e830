#include "infer/block_pool.h"

#include <algorithm>

namespace swift::infer {
namespace {

uint64_t mix(uint64_t value) {
  value ^= value >> 30;
  value *= 0xBF58476D1CE4E5B9ULL;
  value ^= value >> 27;
  value *= 0x94D049BB133111EBULL;
  return value ^ value >> 31;
}

}  // namespace

uint64_t prefix_hash(uint64_t parent, std::span<const int32_t> tokens) {
  uint64_t hash = parent;
  for (const int32_t token : tokens) {
    hash = mix(hash * 0x9E3779B97F4A7C15ULL + static_cast<uint32_t>(token) + 1);
  }
  return hash;
}

uint64_t prefix_root(int32_t adapter, std::string_view salt) {
  uint64_t hash = mix(static_cast<uint32_t>(adapter) + 0x51ULL);
  for (const char byte : salt)
    hash = mix(hash * 0x9E3779B97F4A7C15ULL + static_cast<unsigned char>(byte) + 1);
  return hash;
}

BlockPool::BlockPool(int64_t blocks, int64_t block_tokens)
    : block_tokens_(block_tokens), blocks_(static_cast<size_t>(blocks)) {
  for (int32_t block = 0; block < static_cast<int32_t>(blocks); ++block) insert(block, -1);
}

// Puts a block into the list of free ones before `neighbour`, or at the end for -1.
void BlockPool::insert(int32_t block, int32_t neighbour) {
  const int32_t previous = neighbour < 0 ? last_ : before(neighbour);
  at(block).before = previous;
  at(block).after = neighbour;
  after(previous) = block;
  before(neighbour) = block;
  ++available_;
}

void BlockPool::unlink(int32_t block) {
  after(at(block).before) = at(block).after;
  before(at(block).after) = at(block).before;
  --available_;
}

void BlockPool::forget(int32_t block) {
  Block& entry = at(block);
  if (entry.serial == 0) return;
  const auto [begin, end] = cached_.equal_range(entry.hash);
  cached_.erase(std::find_if(begin, end, [block](const auto& item) { return item.second == block; }));
  entry.serial = 0;
  entry.tokens.clear();
  entry.salt.clear();
}

std::optional<int32_t> BlockPool::allocate() {
  if (first_ < 0) return std::nullopt;
  const int32_t block = first_;
  unlink(block);
  forget(block);
  at(block).holders = 1;
  return block;
}

void BlockPool::hold(int32_t block) {
  if (at(block).holders++ == 0) unlink(block);
}

void BlockPool::release(int32_t block) {
  if (--at(block).holders > 0) return;
  insert(block, at(block).serial == 0 ? first_ : -1);
}

std::optional<BlockPool::Cached> BlockPool::find(const PrefixKey& key) const {
  const auto [begin, end] = cached_.equal_range(key.hash);
  for (auto item = begin; item != end; ++item) {
    const Block& entry = at(item->second);
    const bool same =
        entry.parent == key.parent && entry.adapter == key.adapter &&
        (key.parent != 0 || entry.salt == key.salt) &&
        std::equal(entry.tokens.begin(), entry.tokens.end(), key.tokens.begin(), key.tokens.end());
    if (same) return Cached{item->second, entry.serial};
  }
  return std::nullopt;
}

uint64_t BlockPool::store(int32_t block, const PrefixKey& key) {
  if (const auto known = find(key)) return known->serial;
  Block& entry = at(block);
  forget(block);
  entry.serial = next_serial_++;
  entry.hash = key.hash;
  entry.parent = key.parent;
  entry.adapter = key.adapter;
  if (key.parent == 0) entry.salt = key.salt;
  entry.tokens.assign(key.tokens.begin(), key.tokens.end());
  cached_.emplace(key.hash, block);
  return entry.serial;
}

void BlockPool::forget_prefixes() {
  for (int32_t block = 0; block < static_cast<int32_t>(size()); ++block) forget(block);
}

bool BlockPool::consistent() const {
  int64_t free = 0;
  int32_t previous = -1;
  for (int32_t block = first_; block >= 0; block = at(block).after) {
    if (at(block).holders != 0 || at(block).before != previous || ++free > size()) return false;
    previous = block;
  }
  const auto is_cached = [](const Block& block) { return block.serial != 0; };
  const auto is_free = [](const Block& block) { return block.holders == 0; };
  return previous == last_ && free == available_ &&
         std::count_if(blocks_.begin(), blocks_.end(), is_free) == available_ &&
         std::count_if(blocks_.begin(), blocks_.end(), is_cached) == static_cast<int64_t>(cached_.size());
}

}  // namespace swift::infer
