#include "infer/block_pool.h"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>

using namespace swift::infer;

namespace {

// A key for tokens that all equal `token`, after the block of serial `parent`.
struct Keys {
  std::map<int32_t, std::vector<int32_t>> tokens;
  PrefixKey operator()(int32_t token, uint64_t parent = 0, std::string_view salt = {}, int32_t adapter = -1) {
    auto& own = tokens[token];
    own.assign(4, token);
    return {prefix_hash(parent == 0 ? prefix_root(adapter, salt) : parent, own), parent, adapter, salt, own};
  }
};

}  // namespace

TEST_CASE("blocks are handed out until none is left, and come back") {
  BlockPool pool(3, 4);
  const auto a = pool.allocate();
  const auto b = pool.allocate();
  const auto c = pool.allocate();
  REQUIRE((a && b && c));
  CHECK(std::set<int32_t>{*a, *b, *c}.size() == 3);
  CHECK_FALSE(pool.allocate().has_value());
  pool.hold(*b);
  pool.release(*b);
  CHECK(pool.available() == 0);
  pool.release(*b);
  CHECK(pool.available() == 1);
  CHECK(pool.allocate() == b);
  CHECK(pool.consistent());
}

TEST_CASE("a block is found by its parent, tokens, adapter and salt, held or free") {
  BlockPool pool(8, 4);
  Keys key;
  const int32_t first = *pool.allocate();
  const uint64_t serial = pool.store(first, key(5, 0, "salt", 2));
  const int32_t second = *pool.allocate();
  pool.store(second, key(6, serial));
  CHECK(pool.find(key(5, 0, "salt", 2))->block == first);
  CHECK(pool.find(key(6, serial))->block == second);
  CHECK_FALSE(pool.find(key(5, 0, "salt", 3)).has_value());
  CHECK_FALSE(pool.find(key(5, 0, "other", 2)).has_value());
  CHECK_FALSE(pool.find(key(6, serial + 1)).has_value());
  CHECK_FALSE(pool.find(key(7, serial)).has_value());
  pool.release(second);
  pool.release(first);
  CHECK(pool.find(key(5, 0, "salt", 2))->serial == serial);
}

TEST_CASE("a hash that two prefixes share does not mix them up") {
  BlockPool pool(4, 4);
  Keys key;
  PrefixKey one = key(1);
  PrefixKey other = key(2);
  one.hash = other.hash = 77;
  pool.store(*pool.allocate(), one);
  CHECK_FALSE(pool.find(other).has_value());
  pool.store(*pool.allocate(), other);
  CHECK(pool.find(one)->block != pool.find(other)->block);
  CHECK(pool.consistent());
}

TEST_CASE("content that is cached already keeps its block and serial") {
  BlockPool pool(4, 4);
  Keys key;
  const int32_t first = *pool.allocate();
  const int32_t second = *pool.allocate();
  const uint64_t serial = pool.store(first, key(1));
  CHECK(pool.store(second, key(1)) == serial);
  CHECK(pool.find(key(1))->block == first);
  pool.release(second);
  CHECK(pool.allocate() == second);
}

TEST_CASE("free blocks without content go first, then the cached one unused longest") {
  BlockPool pool(3, 4);
  Keys key;
  int32_t blocks[3];
  for (int32_t& block : blocks) block = *pool.allocate();
  pool.store(blocks[0], key(0));
  pool.store(blocks[1], key(1));
  pool.release(blocks[1]);
  pool.release(blocks[0]);
  pool.release(blocks[2]);
  pool.hold(blocks[1]);  // used again
  pool.release(blocks[1]);
  CHECK(pool.allocate() == blocks[2]);
  CHECK(pool.allocate() == blocks[0]);
  CHECK_FALSE(pool.find(key(0)).has_value());
  CHECK(pool.find(key(1)).has_value());
  pool.forget_prefixes();
  CHECK_FALSE(pool.find(key(1)).has_value());
  CHECK(pool.consistent());
}

TEST_CASE("counts and lists agree after anything") {
  BlockPool pool(12, 4);
  Keys key;
  std::mt19937 random(3);
  std::vector<int32_t> held;
  for (int i = 0; i < 5000; ++i) {
    const uint32_t choice = random() % 8;
    if (choice < 3) {
      if (const auto block = pool.allocate()) held.push_back(*block);
    } else if (choice < 6 && !held.empty()) {
      const size_t at = random() % held.size();
      pool.release(held[at]);
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
    } else if (choice == 6 && !held.empty()) {
      pool.store(held[random() % held.size()], key(static_cast<int32_t>(random() % 20)));
    } else if (const auto cached = pool.find(key(static_cast<int32_t>(random() % 20)))) {
      pool.hold(cached->block);
      held.push_back(cached->block);
    }
    REQUIRE(pool.consistent());
  }
}
