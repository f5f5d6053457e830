#include "base/page_arena.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

using swift::base::PageArena;

namespace {

constexpr size_t kMiB = size_t{1} << 20;

struct Block {
  unsigned char* data;
  size_t bytes;
  unsigned char mark;
};

Block make(PageArena& arena, size_t bytes, unsigned char mark) {
  Block block{static_cast<unsigned char*>(arena.allocate(bytes)), bytes, mark};
  REQUIRE(block.data != nullptr);
  std::memset(block.data, mark, bytes);
  return block;
}

bool intact(const Block& block) {
  for (size_t i = 0; i < block.bytes; i += 997) {
    if (block.data[i] != block.mark) return false;
  }
  return block.data[block.bytes - 1] == block.mark;
}

}  // namespace

TEST_CASE("a block that fits in no hole takes pages from the holes") {
  PageArena arena(1024 * kMiB);
  std::vector<Block> blocks;
  for (int i = 0; i < 8; ++i) blocks.push_back(make(arena, 4 * kMiB, static_cast<unsigned char>(i)));
  for (int i = 0; i < 8; i += 2) arena.release(blocks[i].data);
  const Block large = make(arena, 16 * kMiB, 77);
  CHECK(arena.usage().used == 32 * kMiB);
  CHECK(arena.usage().most == 32 * kMiB);
  CHECK(arena.usage().resident == 32 * kMiB);
  for (int i = 1; i < 8; i += 2) CHECK(intact(blocks[i]));
  CHECK(intact(large));
}

TEST_CASE("a block of the same size comes back at the same place") {
  PageArena arena(64 * kMiB);
  const Block first = make(arena, 3 * kMiB, 1);
  make(arena, kMiB, 2);
  arena.release(first.data);
  CHECK(make(arena, 3 * kMiB, 3).data == first.data);
}

TEST_CASE("free neighbours become one segment") {
  PageArena arena(16 * kMiB + (size_t{48} << 20));
  std::vector<Block> blocks;
  for (int i = 0; i < 64; ++i) blocks.push_back(make(arena, kMiB, static_cast<unsigned char>(i)));
  CHECK(arena.allocate(1) == nullptr);
  for (const Block& block : blocks) arena.release(block.data);
  CHECK(make(arena, 64 * kMiB, 9).data == blocks[0].data);
}

TEST_CASE("a trimmed arena keeps its blocks and nothing else") {
  PageArena arena(64 * kMiB);
  const Block kept = make(arena, 2 * kMiB, 5);
  arena.release(make(arena, 8 * kMiB, 6).data);
  CHECK(arena.usage().resident == 10 * kMiB);
  arena.trim();
  CHECK(arena.usage().resident == 2 * kMiB);
  CHECK(intact(kept));
  CHECK(intact(make(arena, 8 * kMiB, 7)));
}

TEST_CASE("a reservation that the system refuses gives no blocks") {
  PageArena arena(size_t{1} << 60);
  CHECK(arena.allocate(kMiB) == nullptr);
}

TEST_CASE("blocks keep their contents and the arena its bound under random work of several threads") {
  PageArena arena(4096 * kMiB);
  std::atomic<int> spoilt = 0;  // assertions belong to the main thread
  const auto work = [&](unsigned seed) {
    std::mt19937 random(seed);
    std::vector<Block> held;
    for (int turn = 0; turn < 1500; ++turn) {
      if (held.size() > 12 || (!held.empty() && random() % 2 == 0)) {
        const size_t at = random() % held.size();
        spoilt += !intact(held[at]);
        arena.release(held[at].data);
        held[at] = held.back();
        held.pop_back();
      } else {
        const size_t bytes = 1 + random() % (random() % 4 == 0 ? 3 * kMiB : 200'000);
        Block block{static_cast<unsigned char*>(arena.allocate(bytes)), bytes,
                    static_cast<unsigned char>(turn)};
        std::memset(block.data, block.mark, bytes);
        held.push_back(block);
      }
    }
    for (const Block& block : held) arena.release(block.data);
  };
  std::thread other(work, 1);
  work(2);
  other.join();
  const PageArena::Usage usage = arena.usage();
  CHECK(spoilt == 0);
  CHECK(usage.used == 0);
  CHECK(usage.resident <= usage.most);
}
