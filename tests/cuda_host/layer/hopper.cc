#include "cuda_host/layer/hopper.h"

#include <cmath>
#include <cstring>

#include "cuda_host/layer/grid.h"
#include "cuda_host/layer/numbers.h"

namespace swift::cuda_host {
namespace {

constexpr size_t kRow = 128;  // bytes

// The swizzle of 128 bytes: bits 4..6 of an address are turned by its bits 7..9.
template <class Address>
Address* swizzled(Address* address) {
  const auto bits = reinterpret_cast<uintptr_t>(address);
  return reinterpret_cast<Address*>(bits ^ ((bits >> 7 & 7) << 4));
}

Mbarrier& mbarrier_at(void* at) {
  Device& device = Device::get();
  const auto found = device.block().mbarriers.find(at);
  if (found == device.block().mbarriers.end())
    device.fail(Fault::async_copy, "an mbarrier that was not made");
  if (found->second.seen_after() == device.block().barriers)
    device.fail(Fault::race, "an mbarrier is used before a barrier has shown that it was made");
  return found->second;
}

void deliver_one(const TensorCopy& copy, int64_t& left) {
  Memory& memory = Device::get().memory();
  const TensorMap& map = copy.map;
  std::array<uint32_t, 5> i{};
  uint64_t count = 1;
  for (int d = 0; d < map.rank; ++d) count *= map.box[static_cast<size_t>(d)];
  for (uint64_t n = 0; n < count; ++n) {
    uint64_t rest = n;
    bool inside = true;
    const std::byte* from = map.data;
    for (size_t d = 0; d < static_cast<size_t>(map.rank); ++d) {
      i[d] = static_cast<uint32_t>(rest % map.box[d]);
      rest /= map.box[d];
      const int64_t place = int64_t{copy.at[d]} + i[d];
      inside = inside && place >= 0 && static_cast<uint64_t>(place) < map.sizes[d];
      from += place * static_cast<int64_t>(map.strides[d]);
    }
    std::byte* to = swizzled(copy.to + n * 2);
    memory.check(to, 2, Access::write, true, nullptr);
    if (inside) {
      if (!memory.inside(from, 2, Space::global))
        Device::get().fail(Fault::bounds, "a tensor map reads outside of its tensor's memory");
      memory.check(from, 2, Access::read, true, nullptr);
      std::memcpy(to, from, 2);
    } else {
      std::memset(to, 0, 2);
    }
  }
  left -= static_cast<int64_t>(count) * 2;
}

float value_at(const std::byte* at, MatrixType type) {
  uint16_t bits = 0;
  std::memcpy(&bits, at, 2);
  return type == MatrixType::f16 ? to_float(Half{bits}) : to_float(Bf16{bits});
}

// Element (row, k) of a tile whose rows of 64 values run along k.
const std::byte* along_k(const MatrixTile& tile, unsigned row, unsigned k) {
  return swizzled(tile.start + row / 8 * tile.stride + row % 8 * kRow + k * 2);
}
// Element (k, n) of a tile whose rows of 64 values run along n.
const std::byte* along_n(const MatrixTile& tile, unsigned k, unsigned n) {
  return swizzled(tile.start + n / 64 * tile.leading + k / 8 * tile.stride + k % 8 * kRow + n % 64 * 2);
}

struct FourWords {
  uint32_t a[4];
};

}  // namespace

void Mbarrier::complete() {
  if (pending_ != 0 || bytes_ != 0) return;
  phase_ ^= 1;
  pending_ = count_;
  wake();
}

// Who waits looks again.
void Mbarrier::wake() const {
  for (Thread& thread : Device::get().block().threads) {
    if (thread.mbarrier != this) continue;
    thread.mbarrier = nullptr;
    thread.waiting = false;
  }
}

void Mbarrier::add(const TensorCopy& copy) {
  copies_.push_back(copy);
  wake();
}

void Mbarrier::arrive() {
  if (pending_ == 0) Device::get().fail(Fault::divergence, "more arrivals at an mbarrier than it counts");
  --pending_;
  complete();
}

void Mbarrier::deliver() {
  std::vector<TensorCopy> copies;
  copies.swap(copies_);
  for (const TensorCopy& copy : copies) deliver_one(copy, bytes_);
  if (!copies.empty()) complete();
}

void init_mbarrier(void* at, unsigned count) {
  Device& device = Device::get();
  if (!device.memory().inside(at, 8, Space::shared) || reinterpret_cast<uintptr_t>(at) % 8 != 0)
    device.fail(Fault::alignment, "an mbarrier is 8 aligned bytes of shared memory");
  device.block().mbarriers.insert_or_assign(at, Mbarrier(count, device.block().barriers));
}

void arrive_mbarrier(void* at, int64_t expected_bytes) {
  Mbarrier& barrier = mbarrier_at(at);
  barrier.expect(expected_bytes);
  barrier.arrive();
  Device::get().pass_turn();  // whoever waited may be faster than the caller
}

void wait_mbarrier(void* at, uint32_t parity, const Place& place) {
  Device& device = Device::get();
  Mbarrier& barrier = mbarrier_at(at);
  barrier.deliver();
  while (!barrier.passed(parity)) {
    device.thread().mbarrier = &barrier;
    device.wait("an mbarrier", place);
    barrier.deliver();
  }
  device.order_block();
}

void copy_tensor(const TensorMap& map, void* to, void* mbarrier, const std::array<int32_t, 5>& at) {
  Device& device = Device::get();
  size_t bytes = 2;
  for (int d = 0; d < map.rank; ++d) bytes *= map.box[static_cast<size_t>(d)];
  if (reinterpret_cast<uintptr_t>(to) % 1024 != 0)
    device.fail(Fault::alignment, "a swizzled tile starts on 1024 bytes");
  if (!device.memory().inside(to, bytes, Space::shared))
    device.fail(Fault::bounds, "a tensor copy writes outside shared memory");
  device.memory().mark_garbage(to, bytes);
  mbarrier_at(mbarrier).add({map, static_cast<std::byte*>(to), at});
}

bool Products::is_pending(const float* d) const {
  const auto has = [d](const std::vector<Pending>& group) {
    for (const Pending& pending : group)
      if (pending.product.d == d) return true;
    return false;
  };
  if (has(open_)) return true;
  for (const auto& group : groups_)
    if (has(group)) return true;
  return false;
}

void Products::issue(const Product& product) {
  if (!fenced_) Device::get().fail(Fault::async_copy, "wgmma without wgmma.fence before it");
  Pending pending{product, {}};
  const size_t count = static_cast<size_t>(product.blocks) * 4;
  if (!is_pending(product.d)) {
    pending.before.assign(count, 0.0F);
    if (product.accumulate) std::memcpy(pending.before.data(), product.d, count * sizeof(float));
  }
  for (size_t i = 0; i < count; ++i) product.d[i] = NAN;
  open_.push_back(std::move(pending));
}

void Products::commit() {
  groups_.push_back(std::move(open_));
  open_.clear();
}

void Products::wait(size_t groups, const Place& place) {
  while (groups_.size() > groups) {
    for (const Pending& pending : groups_.front()) finish(pending, place);
    groups_.pop_front();
  }
  fenced_ = false;
}

void Products::clear() {
  fenced_ = false;
  open_.clear();
  groups_.clear();
}

void Products::finish(const Pending& pending, const Place& place) {
  const Product& p = pending.product;
  Device& device = Device::get();
  Memory& memory = device.memory();
  const unsigned warp = device.thread().linear / kWarp % 4, lane = device.thread().lane();
  const auto read = [&](const std::byte* at) {
    memory.check(at, 2, Access::read, true, nullptr);
    if (!memory.inside(at, 2, Space::shared)) device.fail(Fault::bounds, "wgmma reads outside shared memory");
    return value_at(at, p.type);
  };
  float a[2][16];
  if (p.a_registers != nullptr) {
    FourWords own{};
    std::memcpy(own.a, p.a_registers, sizeof own.a);
    meet("wgmma", 0xFFFFFFFF, &own, sizeof own, place, [&](const Meeting& all) {
      for (unsigned half = 0; half < 2; ++half) {
        for (unsigned k = 0; k < 16; ++k) {
          const uint32_t word = all.of<FourWords>(lane / 4 * 4 + k % 8 / 2).a[half + k / 8 * 2];
          const auto bits = static_cast<uint16_t>(k % 2 != 0 ? word >> 16 : word);
          a[half][k] = p.type == MatrixType::f16 ? to_float(Half{bits}) : to_float(Bf16{bits});
        }
      }
    });
  } else {
    for (unsigned half = 0; half < 2; ++half)
      for (unsigned k = 0; k < 16; ++k) a[half][k] = read(along_k(p.a, warp * 16 + half * 8 + lane / 4, k));
  }
  if (!pending.before.empty()) std::memcpy(p.d, pending.before.data(), pending.before.size() * sizeof(float));
  for (unsigned block = 0; block < static_cast<unsigned>(p.blocks); ++block) {
    for (unsigned j = 0; j < 2; ++j) {
      const unsigned n = block * 8 + lane % 4 * 2 + j;
      float sums[2] = {0, 0};
      for (unsigned k = 0; k < 16; ++k) {
        const float b = read(p.b_along_n ? along_n(p.b, k, n) : along_k(p.b, n, k));
        sums[0] += a[0][k] * b;
        sums[1] += a[1][k] * b;
      }
      p.d[block * 4 + j] += sums[0];
      p.d[block * 4 + 2 + j] += sums[1];
    }
  }
}

}  // namespace swift::cuda_host
