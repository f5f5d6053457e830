#include "base/page_arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <iterator>

namespace swift::base {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kOpened = size_t{64} << 20;  // addresses made accessible at once

size_t whole(size_t bytes, size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

PageArena::PageArena(size_t reserved_bytes) {
  const size_t bytes = whole(reserved_bytes, kOpened);
  void* range = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) return;
  begin_ = opened_ = reinterpret_cast<uintptr_t>(range);
  end_ = begin_ + bytes;
  insert(begin_, bytes, State::empty);
}

PageArena::~PageArena() {
  if (begin_ != end_) munmap(reinterpret_cast<void*>(begin_), end_ - begin_);
}

void PageArena::insert(uintptr_t begin, size_t bytes, State state) {
  segments_[begin] = {bytes, state};
  if (state == State::cached) cached_.insert({bytes, begin});
}

PageArena::Segments::iterator PageArena::erase(Segments::iterator segment) {
  if (segment->second.state == State::cached) cached_.erase({segment->second.bytes, segment->first});
  return segments_.erase(segment);
}

// Gives a range that is whole segments, or a part of one, a new state and joins it with neighbours of the
// same.
void PageArena::set(uintptr_t begin, size_t bytes, State state) {
  const uintptr_t end = begin + bytes;
  auto at = std::prev(segments_.upper_bound(begin));
  while (at != segments_.end() && at->first < end) {
    const auto [first, old] = *at;
    const uintptr_t last = first + old.bytes;
    at = erase(at);
    if (first < begin) insert(first, begin - first, old.state);
    if (last > end) insert(end, last - end, old.state);
  }
  uintptr_t from = begin, to = end;
  if (state != State::used) {
    const auto after = segments_.find(end);
    if (after != segments_.end() && after->second.state == state) {
      to += after->second.bytes;
      erase(after);
    }
    const auto next = segments_.lower_bound(begin);
    if (next != segments_.begin() && std::prev(next)->second.state == state) {
      from = std::prev(next)->first;
      erase(std::prev(next));
    }
  }
  insert(from, to - from, state);
}

// The free neighbours that hold the block with the fewest new pages.
PageArena::Run PageArena::find_run(size_t bytes) const {
  Run best;
  for (auto at = segments_.begin(); at != segments_.end();) {
    if (at->second.state == State::used) {
      ++at;
      continue;
    }
    Run run{at->first, 0, 0};
    for (; at != segments_.end() && at->second.state != State::used; ++at) {
      if (at->second.state == State::cached && run.bytes < bytes)
        run.cached += std::min(at->second.bytes, bytes - run.bytes);
      run.bytes += at->second.bytes;
    }
    if (run.bytes < bytes) continue;
    if (best.bytes == 0 || run.cached > best.cached || (run.cached == best.cached && run.bytes < best.bytes))
      best = run;
  }
  return best;
}

// Returns pages of free segments to the system, largest segments first.
void PageArena::give_back(size_t bytes) {
  while (bytes > 0 && !cached_.empty()) {
    const auto [size, first] = *cached_.rbegin();
    const size_t part = std::min(size, bytes);
    const uintptr_t from = first + size - part;
    madvise(reinterpret_cast<void*>(from), part, MADV_DONTNEED);
    set(from, part, State::empty);
    usage_.resident -= part;
    bytes -= part;
  }
}

bool PageArena::open_up_to(uintptr_t end) {
  if (end <= opened_) return true;
  const size_t more = std::min(whole(end - opened_, kOpened), end_ - opened_);
  if (mprotect(reinterpret_cast<void*>(opened_), more, PROT_READ | PROT_WRITE) != 0) return false;
  opened_ += more;
  return true;
}

void PageArena::take(uintptr_t begin, size_t bytes) {
  set(begin, bytes, State::used);
  usage_.used += bytes;
  usage_.most = std::max(usage_.most, usage_.used);
}

void* PageArena::allocate(size_t bytes) {
  bytes = whole(std::max<size_t>(bytes, 1), kPage);
  const std::lock_guard lock(mutex_);
  const auto fits = cached_.lower_bound({bytes, 0});
  if (fits != cached_.end()) {
    const uintptr_t begin = fits->second;
    take(begin, bytes);
    return reinterpret_cast<void*>(begin);
  }
  const Run run = find_run(bytes);
  if (run.bytes == 0 || !open_up_to(run.begin + bytes)) return nullptr;
  take(run.begin, bytes);
  usage_.resident += bytes - run.cached;
  if (usage_.resident > usage_.most) give_back(usage_.resident - usage_.most);
  return reinterpret_cast<void*>(run.begin);
}

void PageArena::release(void* block) {
  const auto begin = reinterpret_cast<uintptr_t>(block);
  const std::lock_guard lock(mutex_);
  const auto found = segments_.find(begin);
  if (found == segments_.end() || found->second.state != State::used) return;
  const size_t bytes = found->second.bytes;
  usage_.used -= bytes;
  set(begin, bytes, State::cached);
}

void PageArena::trim() {
  const std::lock_guard lock(mutex_);
  give_back(usage_.resident - usage_.used);
}

bool PageArena::owns(const void* address) const {
  const auto at = reinterpret_cast<uintptr_t>(address);
  return at >= begin_ && at < end_;
}

PageArena::Usage PageArena::usage() const {
  const std::lock_guard lock(mutex_);
  return usage_;
}

}  // namespace swift::base
