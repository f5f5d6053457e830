#include "cuda_host/layer/async_copy.h"

#include <cstring>

#include "cuda_host/layer/grid.h"

namespace swift::cuda_host {
namespace {

void finish(const std::vector<AsyncCopy>& copies) {
  Memory& memory = Device::get().memory();
  for (const AsyncCopy& copy : copies) {
    memory.check(copy.to, copy.bytes, Access::write, true, nullptr);
    std::memcpy(copy.to, copy.from, copy.source);
    std::memset(copy.to + copy.source, 0, copy.bytes - copy.source);
  }
}

}  // namespace

void AsyncCopies::commit() {
  groups_.push_back(std::move(open_));
  open_.clear();
}

void AsyncCopies::wait(size_t groups) {
  while (groups_.size() > groups) {
    finish(groups_.front());
    groups_.pop_front();
  }
}

void AsyncCopies::wait_all() {
  wait(0);
  finish(open_);
  open_.clear();
}

size_t AsyncCopies::unfinished() const {
  size_t count = open_.size();
  for (const auto& group : groups_) count += group.size();
  return count;
}

void AsyncCopies::clear() {
  open_.clear();
  groups_.clear();
}

void async_copy(void* to, const void* from, size_t bytes, size_t source) {
  Device& device = Device::get();
  if (bytes != 4 && bytes != 8 && bytes != 16) {
    device.fail(Fault::async_copy, "cp.async copies 4, 8 or 16 bytes, not " + std::to_string(bytes));
  }
  if (source > bytes) device.fail(Fault::async_copy, "cp.async reads more than it writes");
  if (!device.memory().inside(to, bytes, Space::shared)) {
    device.fail(Fault::bounds, "cp.async writes outside shared memory");
  }
  if (source != 0 && !device.memory().inside(from, source, Space::global)) {
    device.fail(Fault::bounds, "cp.async reads outside global memory");
  }
  if (reinterpret_cast<uintptr_t>(to) % bytes != 0 ||
      (source != 0 && reinterpret_cast<uintptr_t>(from) % bytes != 0)) {
    device.fail(Fault::alignment,
                "cp.async of " + std::to_string(bytes) + " bytes at an address not a multiple");
  }
  if (source != 0) device.memory().check(from, source, Access::read, true, nullptr);
  device.memory().check(to, bytes, Access::write, true, nullptr);
  device.memory().mark_pending(to, bytes);
  device.thread().copies.add(
      {static_cast<std::byte*>(to), static_cast<const std::byte*>(from), bytes, source});
}

}  // namespace swift::cuda_host
