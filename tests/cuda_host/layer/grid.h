// Grids, blocks, warps and threads: each thread of a block is a fibre, blocks run one after another. Barriers
// and collectives of a warp are where fibres wait; when none can go on, the threads have diverged.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <source_location>
#include <string>
#include <vector>

#include "cuda_host/layer/async_copy.h"
#include "cuda_host/layer/fault.h"
#include "cuda_host/layer/fibre.h"
#include "cuda_host/layer/hopper.h"
#include "cuda_host/layer/memory.h"
#include "cuda_host/layer/place.h"

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr uint64_t count() const { return uint64_t{x} * y * z; }
};

namespace swift::cuda_host {

constexpr unsigned kWarp = 32;
constexpr unsigned kBarriers = 16;
constexpr size_t kStaticSharedLimit = 48 << 10;
constexpr size_t kSharedLimit = 99 << 10;  // of one block on sm_89, the least we build for

// What lanes bring to a collective.
struct Meeting {
  const char* operation = nullptr;
  Place place;
  uint32_t mask = 0, arrived = 0, left = 0;
  alignas(16) std::byte brought[kWarp][64];
  template <class T>
  const T& of(unsigned lane) const {
    return *reinterpret_cast<const T*>(brought[lane]);
  }
};

struct Warp {
  uint32_t present = 0, exited = 0;
  uint64_t barriers = 0;
  std::vector<std::unique_ptr<Meeting>> meetings;
};

struct Barrier {
  unsigned arrived = 0, expected = 0;
  Place place;
};

struct Thread {
  dim3 index;
  unsigned linear = 0;
  bool waiting = false;
  int barrier = -1;  // that it waits at
  const char* waits_for = "";
  Place place;
  Fibre fibre;
  uint64_t stamp = 0;
  AsyncCopies copies;
  Products products;
  const Mbarrier* mbarrier = nullptr;  // that it waits at

  unsigned lane() const { return linear % kWarp; }
};

struct Block {
  dim3 index;
  uint64_t linear = 0, barriers = 0;
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  std::array<Barrier, kBarriers> named;
  std::map<uint64_t, unsigned> votes;  // by barriers passed: threads whose predicate holds
  std::map<void*, Mbarrier> mbarriers;
};

struct SharedArray {
  std::byte* data;
  size_t bytes;
};

// The order in which threads, and blocks, are given a turn.
enum class Order { ascending, descending, shuffled };

class Device {
 public:
  static Device& get();

  // Runs body in every thread of the grid. Throws KernelFault.
  void launch(const char* name, dim3 grid, dim3 block, size_t shared_bytes,
              const std::function<void()>& body);

  // Is told of each launch how to do it again; empty: nobody is.
  void on_launch(std::function<void(std::function<void()>)> listener) { listener_ = std::move(listener); }

  Memory& memory() { return memory_; }
  bool running() const { return thread_ != nullptr; }
  Thread& thread() { return *thread_; }
  Block& block() { return block_; }
  Warp& warp() { return block_.warps[thread_->linear / kWarp]; }
  dim3 grid_size() const { return grid_; }
  dim3 block_size() const { return block_size_; }
  uint64_t launches() const { return launches_; }
  void set_order(Order order, uint32_t seed);
  // For kernels that are launched on larger devices alone: 163 KiB on sm_80, 227 KiB on sm_90.
  void set_shared_limit(size_t bytes) { shared_limit_ = bytes; }

  // From a thread: gives its turn up until released, reported as waiting for `what` at `place`.
  void wait(const char* what, const Place& place);
  // From a thread: lets the others have a turn.
  void pass_turn() { thread_->fibre.yield(); }
  // Barrier `id` of `expected` threads (0: the whole block).
  void barrier(unsigned id, unsigned expected, const Place& place);
  // The same without waiting.
  void arrive_barrier(unsigned id, unsigned expected, const Place& place);
  // Orders the lanes of the running thread's warp, and all threads of the block.
  void order_warp();
  void order_block();
  std::byte* shared_static(const void* key, size_t bytes, const char* name);
  std::byte* shared_dynamic();
  // __threadfence and atomics: together they order blocks (a counter that tells the last block).
  void fence();
  void atomic_done();
  bool blocks_ordered(uint64_t then_block) const;

  // Reports and never returns to the thread, so nothing of its frames is destroyed: the text is moved out of
  // them.
  [[noreturn]] void fail(Fault fault, std::string what);
  std::string where() const;

 private:
  static void run_thread(void* device);
  void check_launch(dim3 grid, dim3 block, size_t shared_bytes) const;
  void run_block();
  void start_threads();
  void turn(Thread& thread);
  void end_of_thread();
  // True for the last that comes; then all go on.
  bool come(unsigned id, unsigned expected, const Place& place);
  [[noreturn]] void stuck();
  void restamp();
  void forget_shared();
  std::vector<uint32_t> turns(size_t count);

  Memory memory_;
  std::function<void(std::function<void()>)> listener_;
  StackPool stacks_;
  const char* kernel_ = "";
  const std::function<void()>* body_ = nullptr;
  dim3 grid_, block_size_;
  size_t shared_bytes_ = 0, shared_limit_ = kSharedLimit;
  std::map<const void*, SharedArray> static_arrays_;
  SharedArray dynamic_array_{};
  Block block_;
  Thread* thread_ = nullptr;
  uint64_t launches_ = 0;
  bool fenced_ = false, published_ = false, acquired_ = false, atomic_ = false;
  std::vector<bool> published_blocks_;
  Order order_ = Order::ascending;
  std::mt19937 random_;
  std::unique_ptr<KernelFault> fault_;
};

// arrive() waits for the others, depart() frees what they brought.
Meeting& arrive(const char* operation, uint32_t mask, const void* bring, size_t bytes, const Place& place);
void depart(Meeting& meeting);

// Lanes of `mask` meet; when the last has come, each takes what it needs of what all brought.
template <class Taken>
void meet(const char* operation, uint32_t mask, const void* bring, size_t bytes, const Place& place,
          Taken take) {
  Meeting& meeting = arrive(operation, mask, bring, bytes, place);
  take(static_cast<const Meeting&>(meeting));
  depart(meeting);
}

}  // namespace swift::cuda_host
