// What sm_90a adds: mbarriers, tensor maps with their copies (TMA), and products of a warpgroup (wgmma), with
// the layouts of the PTX ISA (sections "Asynchronous Warpgroup Level Matrix Shared Memory Layout" and
// "Tensors"). Everything asynchronous happens as late, and spoils what it will write as early, as a device
// may: a copy's target is garbage until a thread waits for its barrier, accumulators are until the wait for
// their group.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "cuda_host/layer/numbers.h"
#include "cuda_host/layer/place.h"

namespace swift::cuda_host {

// Boxes of up to 5 dimensions, the innermost first, of 16-bit values; swizzled by 128 bytes.
struct TensorMap {
  const std::byte* data = nullptr;
  int rank = 0;
  std::array<uint64_t, 5> sizes{};
  std::array<uint64_t, 5> strides{};  // bytes; the first is that of a value
  std::array<uint32_t, 5> box{};
};

// A tile of shared memory in rows of 128 bytes whose 16-byte pieces are swizzled.
struct MatrixTile {
  const std::byte* start = nullptr;
  uint32_t leading = 0;  // bytes between blocks of 64 columns; where the tile's rows run along k, unused
  uint32_t stride = 0;   // bytes between groups of eight rows of 128 bytes
};

struct TensorCopy {
  TensorMap map;
  std::byte* to;
  std::array<int32_t, 5> at;
};

class Mbarrier {
 public:
  Mbarrier(unsigned count, uint64_t seen_after) : count_(count), pending_(count), seen_after_(seen_after) {}
  void arrive();
  void expect(int64_t bytes) { bytes_ += bytes; }
  void add(const TensorCopy& copy);
  // Does the copies that are under way.
  void deliver();
  bool passed(uint32_t parity) const { return phase_ != parity; }
  bool has_copies() const { return !copies_.empty(); }
  uint64_t seen_after() const { return seen_after_; }

 private:
  void complete();
  void wake() const;
  unsigned count_, pending_;
  uint64_t seen_after_;  // barriers of the block at its making: others use it after one more
  int64_t bytes_ = 0;
  uint32_t phase_ = 0;
  std::vector<TensorCopy> copies_;
};

// d (64 x 8 blocks) += a b, or = a b.
struct Product {
  float* d;  // of this thread: blocks of four, as mma.sync's
  int blocks;
  bool accumulate;
  MatrixType type;
  const uint32_t* a_registers;  // null: a
  MatrixTile a;
  MatrixTile b;
  bool b_along_n;  // rows of b's tile run along n, else along k
};

class Products {
 public:
  void fence() { fenced_ = true; }
  void issue(const Product& product);
  void commit();
  void wait(size_t groups, const Place& place);
  bool any() const { return !open_.empty() || !groups_.empty(); }
  void clear();

 private:
  struct Pending {
    Product product;
    std::vector<float> before;
  };
  static void finish(const Pending& pending, const Place& place);
  bool is_pending(const float* d) const;
  bool fenced_ = false;
  std::vector<Pending> open_;
  std::deque<std::vector<Pending>> groups_;
};

void init_mbarrier(void* at, unsigned count);
void arrive_mbarrier(void* at, int64_t expected_bytes);
void wait_mbarrier(void* at, uint32_t parity, const Place& place);
void copy_tensor(const TensorMap& map, void* to, void* mbarrier, const std::array<int32_t, 5>& at);

}  // namespace swift::cuda_host
