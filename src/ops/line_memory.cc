#include "ops/line_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace swift::ops {
namespace {

constexpr int64_t kLine = 64;
constexpr int64_t kHugePage = int64_t{2} << 20;
constexpr int64_t kBlock = int64_t{64} << 20;

int64_t round_up(int64_t value, int64_t to) {
  return (value + to - 1) / to * to;
}

std::shared_ptr<uint8_t> new_block(int64_t bytes) {
  void* memory = std::aligned_alloc(kHugePage, static_cast<size_t>(bytes));
  if (memory == nullptr) throw std::bad_alloc();
  ::madvise(memory, static_cast<size_t>(bytes), MADV_HUGEPAGE);  // only a hint
  return {static_cast<uint8_t*>(memory), [](uint8_t* p) { std::free(p); }};
}

}  // namespace

at::Tensor LineMemory::take(int64_t bytes) {
  const int64_t needed = std::max(kLine, round_up(bytes, kLine));
  if (needed > left_) {
    size_ = left_ = std::max(kBlock, round_up(needed, kHugePage));
    block_ = new_block(size_);
  }
  uint8_t* piece = block_.get() + (size_ - left_);
  left_ -= needed;
  return at::from_blob(
      piece, {bytes}, [block = block_](void*) {}, at::TensorOptions(at::kByte));
}

}  // namespace swift::ops
