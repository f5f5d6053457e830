// cp.async: copies that a thread asks for, groups and waits for. Nothing arrives before the wait, so a kernel
// that forgets it reads garbage, and in a traced build is told.
#pragma once
#include <cstddef>
#include <deque>
#include <source_location>
#include <vector>

namespace swift::cuda_host {

struct AsyncCopy {
  std::byte* to;
  const std::byte* from;
  size_t bytes;   // written: 4, 8 or 16
  size_t source;  // read; the rest is zeros
};

class AsyncCopies {
 public:
  void add(const AsyncCopy& copy) { open_.push_back(copy); }
  void commit();
  // Until at most `groups` of the last groups are under way.
  void wait(size_t groups);
  // All of them, those without a group too.
  void wait_all();
  size_t unfinished() const;
  void clear();

 private:
  std::vector<AsyncCopy> open_;
  std::deque<std::vector<AsyncCopy>> groups_;
};

// From a thread: to lies in shared, from in global memory, both aligned to `bytes`.
void async_copy(void* to, const void* from, size_t bytes, size_t source);

}  // namespace swift::cuda_host
