// The same function over many items on several threads, results in the order of the items.
#pragma once
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace swift::data {

// {f(0), f(1), …, f(count - 1)} on `workers` threads (0 and 1: this one). When calls throw, the exception of
// the lowest index is rethrown after all threads have stopped, so what is reported does not depend on timing.
template <class F>
auto parallel_map(size_t count, unsigned workers, const F& f) {
  using Result = decltype(f(size_t{0}));
  std::vector<std::optional<Result>> slots(count);
  std::atomic<size_t> next{0};
  std::atomic<size_t> failed{count};
  std::exception_ptr error;
  std::mutex guard;
  const auto work = [&] {
    // Indices are handed out in order: every index below a failed one was taken before and is finished.
    for (size_t i = next++; i < failed.load(); i = next++) {
      try {
        slots[i].emplace(f(i));
      } catch (...) {
        const std::lock_guard lock(guard);
        if (i < failed.load()) {
          failed = i;
          error = std::current_exception();
        }
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned t = 1; t < workers && t < count; ++t) threads.emplace_back(work);
    work();
  }
  if (error) std::rethrow_exception(error);
  std::vector<Result> results;
  results.reserve(count);
  for (auto& slot : slots) results.push_back(std::move(*slot));
  return results;
}

}  // namespace swift::data
