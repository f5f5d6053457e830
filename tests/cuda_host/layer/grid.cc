#include "cuda_host/layer/grid.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <sstream>

namespace swift::cuda_host {
namespace {

std::string text_of(dim3 at) {
  return "(" + std::to_string(at.x) + ", " + std::to_string(at.y) + ", " + std::to_string(at.z) + ")";
}

dim3 unflatten(uint64_t i, dim3 size) {
  return {static_cast<unsigned>(i % size.x), static_cast<unsigned>(i / size.x % size.y),
          static_cast<unsigned>(i / size.x / size.y)};
}

}  // namespace

Device& Device::get() {
  static Device device;
  return device;
}

void Device::set_order(Order order, uint32_t seed) {
  order_ = order;
  random_.seed(seed);
}

std::vector<uint32_t> Device::turns(size_t count) {
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0U);
  if (order_ == Order::descending) std::reverse(order.begin(), order.end());
  if (order_ == Order::shuffled) std::shuffle(order.begin(), order.end(), random_);
  return order;
}

void Device::check_launch(dim3 grid, dim3 block, size_t shared_bytes) const {
  const auto refuse = [&](const std::string& what) {
    throw KernelFault(Fault::limits, std::string("launch of ") + kernel_ + ": " + what);
  };
  if (grid.count() == 0 || block.count() == 0) refuse("an empty grid or block");
  if (grid.x > 0x7FFFFFFF || grid.y > 65535 || grid.z > 65535) refuse("grid " + text_of(grid));
  if (block.count() > 1024 || block.z > 64) refuse("block " + text_of(block));
  if (shared_bytes > shared_limit_) refuse(std::to_string(shared_bytes) + " bytes of shared memory");
}

void Device::launch(const char* name, dim3 grid, dim3 block, size_t shared_bytes,
                    const std::function<void()>& body) {
  if (listener_) listener_([=, this] { launch(name, grid, block, shared_bytes, body); });
  const Memory::Window window(memory_);
  kernel_ = name;
  check_launch(grid, block, shared_bytes);
  grid_ = grid;
  block_size_ = block;
  shared_bytes_ = shared_bytes;
  body_ = &body;
  if (++launches_ % Stamp::kLaunches == 0) memory_.forget_accesses();
  published_blocks_.assign(grid.count(), false);
  for (const uint32_t linear : turns(grid.count())) {
    block_.index = unflatten(linear, grid);
    block_.linear = linear;
    run_block();
    published_blocks_[linear] = published_;
    if (fault_) break;
  }
  for (const auto& [key, array] : static_arrays_) memory_.release(array.data);
  static_arrays_.clear();
  if (dynamic_array_.data) memory_.release(dynamic_array_.data);
  dynamic_array_ = {};
  if (fault_) {
    const KernelFault fault = *fault_;
    fault_.reset();
    throw fault;
  }
}

void Device::forget_shared() {
  for (const auto& [key, array] : static_arrays_) memory_.mark_garbage(array.data, array.bytes);
  if (dynamic_array_.data) memory_.mark_garbage(dynamic_array_.data, dynamic_array_.bytes);
}

void Device::start_threads() {
  const size_t count = block_size_.count();
  block_.threads.resize(count);
  block_.warps.clear();
  block_.warps.resize((count + kWarp - 1) / kWarp);
  block_.named = {};
  block_.votes.clear();
  block_.mbarriers.clear();
  block_.barriers = 0;
  fenced_ = published_ = acquired_ = atomic_ = false;
  for (size_t i = 0; i < count; ++i) {
    Thread& thread = block_.threads[i];
    thread.index = unflatten(i, block_size_);
    thread.linear = static_cast<unsigned>(i);
    thread.waiting = false;
    thread.barrier = -1;
    thread.copies.clear();
    thread.products.clear();
    thread.mbarrier = nullptr;
    thread.fibre.start(stacks_.take(), &Device::run_thread, this);
    block_.warps[i / kWarp].present |= 1U << (i % kWarp);
  }
}

void Device::run_block() {
  forget_shared();
  start_threads();
  restamp();
  size_t finished = 0;
  bool any = true;
  while (any && !fault_ && finished < block_.threads.size()) {
    any = false;
    for (const uint32_t i : turns(block_.threads.size())) {
      Thread& thread = block_.threads[i];
      if (thread.waiting || thread.fibre.finished()) continue;
      any = true;
      turn(thread);
      if (fault_) break;
      if (thread.fibre.finished()) ++finished;
    }
  }
  if (!fault_ && finished < block_.threads.size()) {
    try {
      stuck();
    } catch (const KernelFault& fault) {
      fault_ = std::make_unique<KernelFault>(fault);
    }
  }
  for (const auto& [at, barrier] : block_.mbarriers) {
    if (!fault_ && barrier.has_copies())
      fault_ = std::make_unique<KernelFault>(
          Fault::async_copy,
          std::string(kernel_) + ": a block ends with tensor copies that nobody waited for");
  }
  for (Thread& thread : block_.threads) stacks_.give(thread.fibre.stack());
}

void Device::turn(Thread& thread) {
  thread_ = &thread;
  thread.fibre.resume();
  thread_ = nullptr;
}

void Device::run_thread(void* self) {
  Device& device = *static_cast<Device*>(self);
  (*device.body_)();
  device.end_of_thread();
}

void Device::end_of_thread() {
  if (const size_t count = thread_->copies.unfinished(); count != 0) {
    fail(Fault::async_copy,
         "ends with " + std::to_string(count) + " cp.async copies that it never waited for");
  }
  if (thread_->products.any()) fail(Fault::async_copy, "ends with wgmma products that it never waited for");
  warp().exited |= 1U << thread_->lane();
}

void Device::stuck() {
  std::ostringstream text;
  text << kernel_ << ", block " << text_of(block_.index) << ": its threads do not meet:";
  std::map<std::string, std::vector<unsigned>> groups;
  for (const Thread& thread : block_.threads) {
    std::ostringstream what;
    if (thread.fibre.finished()) {
      what << "ended";
    } else {
      what << "at " << thread.waits_for << ", " << thread.place.file_name() << ":" << thread.place.line();
    }
    groups[what.str()].push_back(thread.linear);
  }
  for (const auto& [what, threads] : groups) {
    text << "\n  " << threads.size() << " threads, the first " << threads.front() << ": " << what;
  }
  throw KernelFault(Fault::divergence, text.str());
}

void Device::wait(const char* what, const Place& place) {
  thread_->waiting = true;
  thread_->waits_for = what;
  thread_->place = place;
  thread_->fibre.yield();
}

bool Device::come(unsigned id, unsigned expected, const Place& place) {
  Barrier& barrier = block_.named[id];
  if (expected == 0) expected = static_cast<unsigned>(block_.threads.size());
  if (barrier.arrived == 0) {
    barrier.place = place;
    barrier.expected = expected;
  } else if (barrier.expected != expected || barrier.place.line() != place.line() ||
             std::string_view(barrier.place.file_name()) != place.file_name()) {
    fail(Fault::divergence, "comes to the barrier at line " + std::to_string(place.line()) +
                                " while others wait at " + barrier.place.file_name() + ":" +
                                std::to_string(barrier.place.line()));
  }
  if (++barrier.arrived < expected) return false;
  barrier.arrived = 0;
  for (Thread& thread : block_.threads) {
    if (thread.barrier != static_cast<int>(id)) continue;
    thread.barrier = -1;
    thread.waiting = false;
  }
  order_block();
  return true;
}

void Device::arrive_barrier(unsigned id, unsigned expected, const Place& place) {
  come(id, expected, place);
}

void Device::barrier(unsigned id, unsigned expected, const Place& place) {
  if (!come(id, expected, place)) {
    static constexpr const char* kNames[kBarriers] = {
        "__syncthreads", "barrier 1",  "barrier 2",  "barrier 3", "barrier 4",  "barrier 5",
        "barrier 6",     "barrier 7",  "barrier 8",  "barrier 9", "barrier 10", "barrier 11",
        "barrier 12",    "barrier 13", "barrier 14", "barrier 15"};
    thread_->barrier = static_cast<int>(id);
    wait(kNames[id], place);
  }
}

void Device::order_block() {
  ++block_.barriers;
  restamp();
}

void Device::restamp() {
  for (Thread& thread : block_.threads) {
    thread.stamp = Stamp::make(launches_, block_.linear, block_.barriers,
                               block_.warps[thread.linear / kWarp].barriers, thread.linear);
  }
}

void Device::order_warp() {
  Warp& own = warp();
  ++own.barriers;
  const unsigned first = thread_->linear / kWarp * kWarp;
  for (unsigned i = first; i < std::min<size_t>(first + kWarp, block_.threads.size()); ++i) {
    block_.threads[i].stamp =
        Stamp::make(launches_, block_.linear, block_.barriers, own.barriers, block_.threads[i].linear);
  }
}

std::byte* Device::shared_static(const void* key, size_t bytes, const char* name) {
  auto& array = static_arrays_[key];
  if (!array.data) {
    size_t sum = bytes;
    for (const auto& [other, made] : static_arrays_) sum += made.bytes;
    if (sum > kStaticSharedLimit || sum + shared_bytes_ > shared_limit_) {
      fail(Fault::limits, std::to_string(sum) + " bytes of static shared memory with '" + name + "'");
    }
    array = {memory_.allocate(bytes, name, Space::shared), bytes};
  }
  return array.data;
}

std::byte* Device::shared_dynamic() {
  if (!dynamic_array_.data) {
    dynamic_array_ = {memory_.allocate(shared_bytes_, "dynamic shared memory", Space::shared), shared_bytes_};
  }
  return dynamic_array_.data;
}

// A fence before an atomic publishes what the block wrote; a fence after one acquires what others published.
void Device::fence() {
  fenced_ = true;
  if (atomic_) acquired_ = true;
}

void Device::atomic_done() {
  atomic_ = true;
  if (fenced_) published_ = true;
}

bool Device::blocks_ordered(uint64_t then_block) const {
  return acquired_ && then_block < published_blocks_.size() && published_blocks_[then_block];
}

std::string Device::where() const {
  std::string text = std::string(kernel_) + ", block " + text_of(block_.index);
  if (thread_) text += ", thread " + std::to_string(thread_->linear);
  return text;
}

void Device::fail(Fault fault, std::string what) {
  {
    const std::string text = std::move(what);
    fault_ = std::make_unique<KernelFault>(fault, where() + ": " + text);
  }
  thread_->fibre.yield();
  std::abort();
}

Meeting& arrive(const char* operation, uint32_t mask, const void* bring, size_t bytes, const Place& place) {
  Device& device = Device::get();
  Thread& thread = device.thread();
  Warp& warp = device.warp();
  const uint32_t self = 1U << thread.lane();
  if ((mask & self) == 0)
    device.fail(Fault::mask, std::string(operation) + ": the caller is not in its mask");
  if ((mask & ~warp.present) != 0 || (mask & warp.exited) != 0) {
    device.fail(Fault::mask, std::string(operation) +
                                 ": the mask names lanes that are not there or have ended (" +
                                 place.file_name() + ":" + std::to_string(place.line()) + ")");
  }
  Meeting* meeting = nullptr;
  for (auto& open : warp.meetings) {
    if (open->arrived == open->mask || (open->mask & mask) == 0) continue;
    if (open->mask != mask || std::string_view(open->operation) != operation ||
        open->place.line() != place.line()) {
      device.fail(Fault::divergence, std::string(operation) + " at line " + std::to_string(place.line()) +
                                         " while lanes of its warp wait at " + open->operation + ", " +
                                         open->place.file_name() + ":" + std::to_string(open->place.line()));
    }
    meeting = open.get();
  }
  if (!meeting) {
    for (auto& open : warp.meetings) {
      if (open->left == open->mask && open->arrived == open->mask) meeting = open.get();
    }
    if (!meeting) meeting = warp.meetings.emplace_back(std::make_unique<Meeting>()).get();
    meeting->operation = operation;
    meeting->place = place;
    meeting->mask = mask;
    meeting->arrived = meeting->left = 0;
  }
  std::memcpy(meeting->brought[thread.lane()], bring, bytes);
  meeting->arrived |= self;
  if (meeting->arrived != mask) {
    device.wait(operation, place);
    return *meeting;
  }
  const unsigned first = thread.linear / kWarp * kWarp;
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    if ((mask >> lane & 1) != 0) device.block().threads[first + lane].waiting = false;
  }
  return *meeting;
}

void depart(Meeting& meeting) {
  meeting.left |= 1U << Device::get().thread().lane();
}

}  // namespace swift::cuda_host
