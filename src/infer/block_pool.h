// Blocks of the key/value cache: who holds them, and which of them hold a prefix worth finding again.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace swift::infer {

// What a full block holds: the tokens before it, through its parent, and its own. Two prompts share blocks
// only under the same adapter and salt.
struct PrefixKey {
  uint64_t hash = 0;    // chained: prefix_hash()
  uint64_t parent = 0;  // serial of the block before it; 0 for the first
  int32_t adapter = -1;
  std::string_view salt;
  std::span<const int32_t> tokens;  // (block_tokens)
};

// Hash of a block's tokens chained onto that of the block before it, or for the first onto adapter and salt.
uint64_t prefix_hash(uint64_t parent, std::span<const int32_t> tokens);
uint64_t prefix_root(int32_t adapter, std::string_view salt);

// A block is free (nobody holds it) or held by one or more sequences. A free block that is cached can be
// found and held again until it is needed for something else; the one unused longest goes first.
class BlockPool {
 public:
  struct Cached {
    int32_t block = 0;
    uint64_t serial = 0;  // names the content, never used again
  };

  BlockPool(int64_t blocks, int64_t block_tokens);

  // Holds a block whose content is lost. None when every block is held.
  std::optional<int32_t> allocate();
  void hold(int32_t block);
  void release(int32_t block);

  // The cached block that holds exactly this; it is not held by the call.
  std::optional<Cached> find(const PrefixKey& key) const;
  // Makes a held block findable and returns its serial. When another block holds the same already, that one
  // stays and its serial is returned.
  uint64_t store(int32_t block, const PrefixKey& key);
  // Forgets every prefix: what is computed from now on has nothing to do with what was.
  void forget_prefixes();

  int64_t size() const { return static_cast<int64_t>(blocks_.size()); }
  int64_t block_tokens() const { return block_tokens_; }
  int64_t available() const { return available_; }
  int64_t used() const { return size() - available_; }
  bool is_free(int32_t block) const { return at(block).holders == 0; }
  // Checks every count and list against each other; for tests.
  bool consistent() const;

 private:
  struct Block {
    int64_t holders = 0;
    uint64_t serial = 0;  // 0: not cached
    uint64_t hash = 0;
    uint64_t parent = 0;
    int32_t adapter = -1;
    std::string salt;  // of the first block of a prefix
    std::vector<int32_t> tokens;
    int32_t before = 0;  // neighbours in the list of free blocks
    int32_t after = 0;
  };
  Block& at(int32_t block) { return blocks_[static_cast<size_t>(block)]; }
  const Block& at(int32_t block) const { return blocks_[static_cast<size_t>(block)]; }
  int32_t& before(int32_t block) { return block < 0 ? last_ : at(block).before; }
  int32_t& after(int32_t block) { return block < 0 ? first_ : at(block).after; }
  void insert(int32_t block, int32_t neighbour);
  void unlink(int32_t block);
  void forget(int32_t block);

  int64_t block_tokens_;
  std::vector<Block> blocks_;
  std::unordered_multimap<uint64_t, int32_t> cached_;  // by hash
  // Free blocks, the next to be taken first: those without content, then cached ones from the longest unused.
  int32_t first_ = -1;
  int32_t last_ = -1;
  int64_t available_ = 0;
  uint64_t next_serial_ = 1;
};

}  // namespace swift::infer
