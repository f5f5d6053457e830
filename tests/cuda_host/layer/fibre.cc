#include "cuda_host/layer/fibre.h"

#include <sys/mman.h>
#include <unistd.h>

#include <boost/context/detail/fcontext.hpp>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace swift::cuda_host {
namespace {

namespace context = boost::context::detail;

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kStackBytes = 256 << 10;
void leave_for(void** frames, const void* stack, size_t bytes) {
  __sanitizer_start_switch_fiber(frames, stack, bytes);
}
void arrived(void* frames, const void** stack, size_t* bytes) {
  __sanitizer_finish_switch_fiber(frames, stack, bytes);
}
// Frames of a fibre that was given up have left their marks.
void forget_marks(std::byte* stack) {
  __asan_unpoison_memory_region(stack, kStackBytes);
}
#else
constexpr size_t kStackBytes = 64 << 10;
void leave_for(void**, const void*, size_t) {}
void arrived(void*, const void**, size_t*) {}
void forget_marks(std::byte*) {}
#endif

size_t page() {
  return static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

size_t StackPool::bytes() {
  return kStackBytes;
}

std::byte* StackPool::take() {
  if (free_.empty()) {
    void* memory = mmap(nullptr, kStackBytes + page(), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    mprotect(memory, page(), PROT_NONE);
    all_.push_back(static_cast<std::byte*>(memory));
    free_.push_back(all_.back() + page());
  }
  std::byte* stack = free_.back();
  free_.pop_back();
  forget_marks(stack);
  return stack;
}

StackPool::~StackPool() {
  for (std::byte* memory : all_) munmap(memory, kStackBytes + page());
}

struct Fibre::Switch {
  static void begin(context::transfer_t from) {
    Fibre& self = *static_cast<Fibre*>(from.data);
    arrived(nullptr, &self.scheduler_stack_, &self.scheduler_bytes_);
    self.scheduler_ = from.fctx;
    self.entry_(self.argument_);
    self.finished_ = true;
    leave_for(nullptr, self.scheduler_stack_, self.scheduler_bytes_);
    context::jump_fcontext(self.scheduler_, nullptr);
  }
};

void Fibre::start(std::byte* stack, void (*entry)(void*), void* argument) {
  stack_ = stack;
  entry_ = entry;
  argument_ = argument;
  finished_ = false;
  context_ = context::make_fcontext(stack + kStackBytes, kStackBytes, &Switch::begin);
}

void Fibre::resume() {
  void* frames = nullptr;
  leave_for(&frames, stack_, kStackBytes);
  context_ = context::jump_fcontext(context_, this).fctx;
  arrived(frames, nullptr, nullptr);
}

void Fibre::yield() {
  leave_for(&own_frames_, scheduler_stack_, scheduler_bytes_);
  scheduler_ = context::jump_fcontext(scheduler_, nullptr).fctx;
  arrived(own_frames_, &scheduler_stack_, &scheduler_bytes_);
}

}  // namespace swift::cuda_host
