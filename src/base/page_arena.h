// Memory for large blocks whose resident size never passes the most that was in use at once.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace swift::base {

// One reserved range of addresses, cut into segments: in use, free with pages, free without. A block takes
// the smallest segment with pages that holds it; where none does, it takes free neighbours together and new
// pages for the rest, and as many pages elsewhere go back to the system. A heap that keeps its holes instead
// grows by every block that fits in none of them. Thread-safe.
class PageArena {
 public:
  // Reserves addresses only. Where the system refuses, allocate always returns nullptr.
  explicit PageArena(size_t reserved_bytes);
  ~PageArena();
  PageArena(const PageArena&) = delete;
  PageArena& operator=(const PageArena&) = delete;

  // Begins at a page; contents are not defined. nullptr when the reservation is used up.
  void* allocate(size_t bytes);
  // A block of this arena, once.
  void release(void* block);
  bool owns(const void* address) const;
  // Returns the pages of all free segments to the system.
  void trim();

  struct Usage {
    size_t used = 0;      // bytes in blocks, whole pages
    size_t resident = 0;  // with the pages of free segments
    size_t most = 0;      // the largest `used` so far
  };
  Usage usage() const;

 private:
  enum class State { used, cached, empty };
  struct Segment {
    size_t bytes;
    State state;
  };
  using Segments = std::map<uintptr_t, Segment>;
  // Neighbouring free segments.
  struct Run {
    uintptr_t begin = 0;
    size_t bytes = 0;
    size_t cached = 0;  // of the first bytes that a block would take
  };

  Run find_run(size_t bytes) const;
  void take(uintptr_t begin, size_t bytes);
  void set(uintptr_t begin, size_t bytes, State state);
  Segments::iterator erase(Segments::iterator segment);
  void insert(uintptr_t begin, size_t bytes, State state);
  void give_back(size_t bytes);
  bool open_up_to(uintptr_t end);

  mutable std::mutex mutex_;
  uintptr_t begin_ = 0, end_ = 0, opened_ = 0;
  Segments segments_;                              // by address, without gaps
  std::set<std::pair<size_t, uintptr_t>> cached_;  // sizes of free segments with pages
  Usage usage_;
};

}  // namespace swift::base
