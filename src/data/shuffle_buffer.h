// Shuffling a stream with bounded memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/rng.h"

namespace swift::data {

// Holds up to `capacity` items; the one that leaves is drawn among them (datasets' shuffle with buffer_size).
// The order depends on (seed, epoch) alone.
template <class T>
class ShuffleBuffer {
 public:
  // capacity 0 and 1 keep the order.
  ShuffleBuffer(size_t capacity, uint64_t seed, uint64_t epoch)
      : capacity_(capacity), stream_(seed, base::Purpose::shuffle, epoch) {}

  // Takes an item in and, when it is full, one out.
  std::optional<T> push(T item) {
    if (capacity_ <= 1) return item;
    held_.push_back(std::move(item));
    if (held_.size() <= capacity_) return std::nullopt;
    return take();
  }

  // What is left at the end, one by one.
  std::optional<T> pop() {
    if (held_.empty()) return std::nullopt;
    return take();
  }

 private:
  T take() {
    const size_t chosen = stream_.bits(taken_++) % held_.size();
    std::swap(held_[chosen], held_.back());
    T item = std::move(held_.back());
    held_.pop_back();
    return item;
  }

  size_t capacity_;
  base::Stream stream_;
  uint64_t taken_ = 0;
  std::vector<T> held_;
};

}  // namespace swift::data
