#include "cuda_host/layer/memory.h"

#include <dlfcn.h>
#include <sys/mman.h>

#include <cstring>
#include <new>
#include <sstream>

#include "cuda_host/layer/grid.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) (static_cast<void>(address), static_cast<void>(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) (static_cast<void>(address), static_cast<void>(bytes))
#endif

namespace swift::cuda_host {
namespace {

constexpr size_t kRedZone = 512;
constexpr size_t kAlign = 256;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr uint8_t kOutside = 0, kGarbage = 1, kPending = 2, kWritten = 3;

std::byte* reserve(size_t bytes) {
  void* memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<std::byte*>(memory);
}

}  // namespace

Memory::Memory() {
  base_ = reserve(kCapacity);
  state_ = reinterpret_cast<uint8_t*>(reserve(kCapacity));
  shadow_ = reinterpret_cast<Shadow*>(reserve(kCapacity * sizeof(Shadow)));
}

Memory::~Memory() {
  ASAN_UNPOISON_MEMORY_REGION(base_, kCapacity);
  munmap(base_, kCapacity);
  munmap(state_, kCapacity);
  munmap(shadow_, kCapacity * sizeof(Shadow));
}

void Memory::protect(bool visible) {
  if (hides_ && mprotect(base_, high_, visible ? PROT_READ | PROT_WRITE : PROT_NONE) != 0)
    throw std::bad_alloc();
}

void Memory::hide() {
  hides_ = true;
  // Whole huge pages are hidden and shown faster.
  madvise(base_, kCapacity, MADV_HUGEPAGE);
  protect(windows_ > 0);
}

Memory::Window::Window(Memory& memory) : memory_(memory) {
  if (memory_.windows_++ == 0) memory_.protect(true);
}

Memory::Window::~Window() {
  if (--memory_.windows_ == 0) memory_.protect(false);
}

// 0xFF bytes are NaN in every floating-point type and -1 as an index.
void Memory::fill_garbage(std::byte* data, size_t bytes) {
  std::memset(data, 0xFF, bytes);
  if (kTraced) std::memset(static_cast<void*>(shadow_ + (data - base_)), 0, bytes * sizeof(Shadow));
  std::memset(state_ + (data - base_), kGarbage, bytes);
}

std::byte* Memory::allocate(size_t bytes, const std::string& name, Space space) {
  const size_t at = used_ + kRedZone;
  const size_t end = (at + bytes + kRedZone + kAlign - 1) / kAlign * kAlign;
  if (end > kCapacity) throw std::bad_alloc();
  if (end > high_) {
    high_ = (end + kHugePage - 1) / kHugePage * kHugePage;
    protect(windows_ > 0);
  }
  ASAN_POISON_MEMORY_REGION(base_ + used_, end - used_);
  ASAN_UNPOISON_MEMORY_REGION(base_ + at, bytes);
  used_ = end;
  std::byte* data = base_ + at;
  const Window window(*this);
  regions_[data] = {bytes, name, space};
  fill_garbage(data, bytes);
  return data;
}

void Memory::release(const void* data) {
  const auto found = regions_.find(static_cast<const std::byte*>(data));
  if (found == regions_.end()) return;
  ASAN_POISON_MEMORY_REGION(found->first, found->second.bytes);
  std::memset(state_ + (found->first - base_), kOutside, found->second.bytes);
  regions_.erase(found);
  used_ = 0;
  if (!regions_.empty()) {
    const auto& [start, region] = *regions_.rbegin();
    used_ = (static_cast<size_t>(start - base_) + region.bytes + kRedZone + kAlign - 1) / kAlign * kAlign;
  }
}

void Memory::mark_written(const void* data, size_t bytes) {
  const size_t at = static_cast<size_t>(static_cast<const std::byte*>(data) - base_);
  std::memset(state_ + at, kWritten, bytes);
  if (kTraced) std::memset(static_cast<void*>(shadow_ + at), 0, bytes * sizeof(Shadow));
}

void Memory::mark_garbage(const void* data, size_t bytes) {
  const size_t at = static_cast<size_t>(static_cast<const std::byte*>(data) - base_);
  const Window window(*this);
  fill_garbage(base_ + at, bytes);
}

void Memory::forget_accesses() {
  if (kTraced) std::memset(static_cast<void*>(shadow_), 0, used_ * sizeof(Shadow));
}

void Memory::mark_pending(const void* data, size_t bytes) {
  const size_t at = static_cast<size_t>(static_cast<const std::byte*>(data) - base_);
  std::memset(base_ + at, 0xFF, bytes);
  std::memset(state_ + at, kPending, bytes);
}

const Memory::Region* Memory::find(const std::byte* address, std::byte const** start) const {
  auto next = regions_.upper_bound(address);
  if (next == regions_.begin()) return nullptr;
  --next;
  *start = next->first;
  return &next->second;
}

bool Memory::inside(const void* address, size_t bytes, Space space) const {
  const std::byte* start = nullptr;
  const auto* at = static_cast<const std::byte*>(address);
  const Region* region = find(at, &start);
  return region && region->space == space && at + bytes <= start + region->bytes;
}

std::string Memory::describe(const void* address, size_t bytes, Access access, const void* code) const {
  std::ostringstream text;
  text << (access == Access::read    ? "reads "
           : access == Access::write ? "writes "
                                     : "updates ")
       << bytes << " bytes at offset ";
  const std::byte* start = nullptr;
  const auto* at = static_cast<const std::byte*>(address);
  if (const Region* region = find(at, &start)) {
    text << at - start << " of '" << region->name << "' (" << region->bytes << " bytes, "
         << (region->space == Space::shared ? "shared" : "global") << ")";
  } else {
    text << at - base_ << " of device memory, before every buffer";
  }
  Dl_info info{};
  if (code && dladdr(code, &info) != 0 && info.dli_fname) {
    const auto offset = static_cast<const char*>(code) - static_cast<const char*>(info.dli_fbase) - 1;
    text << "\n  code: addr2line -Cfpie " << info.dli_fname << " 0x" << std::hex << offset;
  }
  return text.str();
}

void Memory::check_byte(size_t at, const void* address, size_t bytes, Access access, const void* code) {
  Device& device = Device::get();
  const uint8_t state = state_[at];
  if (state == kOutside) device.fail(Fault::bounds, describe(address, bytes, access, code));
  if (!kTraced) return;
  if (state != kWritten && access != Access::write) {
    if (state == kPending) {
      device.fail(Fault::async_copy,
                  describe(address, bytes, access, code) +
                      ": cp.async has not been waited for (cp_async_wait, then a barrier)");
    }
    device.fail(Fault::uninitialised, describe(address, bytes, access, code) + ": nobody wrote it");
  }
  Shadow& shadow = shadow_[at];
  const uint64_t now = device.thread().stamp | (access == Access::atomic ? Stamp::kAtomic : 0);
  const auto conflicts = [&](uint64_t then) {
    if (then == 0 || !Stamp::same_launch(then, now)) return false;
    if (Stamp::block(then) == Stamp::block(now)) return Stamp::unordered(then, now);
    if ((then & Stamp::kAtomic) != 0 && access == Access::atomic) return false;
    return !device.blocks_ordered(Stamp::block(then));
  };
  if (conflicts(shadow.written) || (access != Access::read && conflicts(shadow.read))) {
    const uint64_t then = conflicts(shadow.written) ? shadow.written : shadow.read;
    device.fail(Fault::race,
                describe(address, bytes, access, code) + ": thread " + std::to_string(Stamp::thread(then)) +
                    " of block " + std::to_string(Stamp::block(then)) +
                    (then == shadow.written ? " wrote" : " read") + " it and nothing orders the two");
  }
  if (access == Access::read) {
    shadow.read = Stamp::merge_reads(shadow.read, now);
  } else {
    shadow.written = now;
    state_[at] = kWritten;
  }
}

void Memory::check(const void* address, size_t bytes, Access access, bool must_hold, const void* code) {
  if (!holds(address)) {
    if (must_hold) {
      Device::get().fail(Fault::bounds,
                         "an address that is no device memory, " + std::to_string(bytes) + " bytes");
    }
    return;
  }
  const size_t at = static_cast<size_t>(static_cast<const std::byte*>(address) - base_);
  for (size_t i = 0; i < bytes; ++i) check_byte(at + i, address, bytes, access, code);
}

}  // namespace swift::cuda_host
