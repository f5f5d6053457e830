// Memory, streams and hooks of the device. Its operations are in host_device_ops.cc.
#include "device/host_device.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <vector>

#include "device/host_device_memory.h"

namespace swift::tests {
namespace {

std::recursive_mutex mutex;
size_t limit = std::numeric_limits<size_t>::max();

// Blocks are used again by size: the layer's own memory only grows while its last buffer lives.
class DeviceAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, host_device()};
    if (bytes > limit) {
      throw c10::OutOfMemoryError({__func__, __FILE__, __LINE__}, "CUDA out of memory. Tried to allocate " +
                                                                      std::to_string(bytes) + " bytes");
    }
    const std::lock_guard lock(mutex);
    if (counts_) ++allocations_;
    std::vector<std::byte*>& waiting = free_[{in_pool_, bytes}];
    std::byte* data = nullptr;
    if (!waiting.empty()) {
      data = waiting.back();
      waiting.pop_back();
      layer().mark_garbage(data, bytes);
    } else {
      data = layer().allocate(bytes, "a tensor", cuda_host::Space::global);
      blocks_[data] = {in_pool_, bytes};
    }
    return {data, data, &give_back, host_device()};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }
  void copy_data(void* to, const void* from, size_t count) const override {
    const DeviceWindow window;
    default_copy_data(to, from, count);
    layer().mark_written(to, count);
  }

  static DeviceAllocator& get() {
    static DeviceAllocator allocator;
    return allocator;
  }

  // Where a block is from, and its bytes.
  using Place = std::pair<bool, size_t>;
  const std::map<std::byte*, Place>& blocks() const { return blocks_; }
  // Whether new blocks are of the pool of graphs.
  int64_t allocations() const { return allocations_; }
  void count(bool counts) { counts_ = counts; }
  void use_pool(bool in_pool) { in_pool_ = in_pool; }

 private:
  static void give_back(void* data) {
    const std::lock_guard lock(mutex);
    auto* block = static_cast<std::byte*>(data);
    get().free_[get().blocks_.at(block)].push_back(block);
  }

  bool in_pool_ = false;
  int64_t allocations_ = 0;
  bool counts_ = true;
  std::map<Place, std::vector<std::byte*>> free_;
  std::map<std::byte*, Place> blocks_;
};

class PinnedAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    auto data = c10::GetDefaultCPUAllocator()->raw_allocate(bytes);
    const std::lock_guard lock(mutex);
    pinned_.insert(data);
    return {data, data, &give_back, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }
  void copy_data(void* to, const void* from, size_t count) const override {
    default_copy_data(to, from, count);
  }
  bool holds(const void* data) const {
    const std::lock_guard lock(mutex);
    return pinned_.count(data) != 0;
  }

  static PinnedAllocator& get() {
    static PinnedAllocator allocator;
    return allocator;
  }

 private:
  static void give_back(void* data) {
    {
      const std::lock_guard lock(mutex);
      get().pinned_.erase(data);
    }
    c10::GetDefaultCPUAllocator()->raw_deallocate(data);
  }

  std::set<const void*> pinned_;
};

// One stream of one device; nothing runs later than it is asked for.
struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return c10::kCUDA; }
  c10::Device exchangeDevice(c10::Device /*device*/) const override { return host_device(); }
  c10::Device getDevice() const override { return host_device(); }
  void setDevice(c10::Device /*device*/) const override {}
  void uncheckedSetDevice(c10::Device /*device*/) const noexcept override {}
  c10::Stream getStream(c10::Device device) const override {
    return c10::Stream(c10::Stream::DEFAULT, device);
  }
  c10::Stream exchangeStream(c10::Stream stream) const override { return stream; }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  void record(void** /*event*/, const c10::Stream& /*stream*/, c10::DeviceIndex /*device*/,
              c10::EventFlag /*flag*/) const override {}
  void block(void* /*event*/, const c10::Stream& /*stream*/) const override {}
  bool queryEvent(void* /*event*/) const override { return true; }
  void destroyEvent(void* /*event*/, c10::DeviceIndex /*device*/) const noexcept override {}
  void recordDataPtrOnStream(const c10::DataPtr& /*data*/, const c10::Stream& /*stream*/) const override {}
  void synchronizeDevice(c10::DeviceIndex /*device*/) const override {}
};
C10_REGISTER_GUARD_IMPL(CUDA, Guard);

}  // namespace

cuda_host::Memory& layer() {
  return cuda_host::Device::get().memory();
}

DeviceWindow::DeviceWindow() : lock_(mutex), window_(layer()) {}

DeviceSnapshot::DeviceSnapshot() {
  const DeviceWindow window;
  for (const auto& [data, place] : DeviceAllocator::get().blocks())
    blocks_.push_back({data, {data, data + place.second}});
  DeviceAllocator::get().use_pool(true);
}

DeviceSnapshot::~DeviceSnapshot() {
  const DeviceWindow window;
  DeviceAllocator::get().use_pool(false);
}

void DeviceSnapshot::restore() const {
  const DeviceWindow window;
  for (const Block& block : blocks_) std::copy(block.bytes.begin(), block.bytes.end(), block.data);
}

int64_t reserved_bytes() {
  const std::lock_guard lock(mutex);
  int64_t total = 0;
  for (const auto& [data, place] : DeviceAllocator::get().blocks())
    total += static_cast<int64_t>(place.second);
  return total;
}

UncountedAllocations::UncountedAllocations() {
  DeviceAllocator::get().count(false);
}
UncountedAllocations::~UncountedAllocations() {
  DeviceAllocator::get().count(true);
}

int64_t device_allocations() {
  return DeviceAllocator::get().allocations();
}

bool on_layer() {
  return true;
}

void limit_device(size_t bytes) {
  limit = bytes;
}

void use_host_device() {
  c10::SetAllocator(c10::kCUDA, &DeviceAllocator::get());
  layer().hide();
}

}  // namespace swift::tests

namespace at {

// The name under which ATen looks for a CUDA build's hooks.
struct CUDAHooks final : CUDAHooksInterface {
  explicit CUDAHooks(CUDAHooksArgs /*arguments*/) {}
  void init() const override {}
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasCUDA() const override { return true; }
  int getNumGPUs() const override { return 1; }
  DeviceIndex deviceCount() const override { return 1; }
  DeviceIndex current_device() const override { return 0; }
  bool hasPrimaryContext(DeviceIndex /*device*/) const override { return true; }
  const Generator& getDefaultGenerator(DeviceIndex /*device*/) const override {
    return detail::getDefaultCPUGenerator();
  }
  Device getDeviceFromPtr(void* /*data*/) const override { return swift::tests::host_device(); }
  Allocator* getPinnedMemoryAllocator() const override { return &swift::tests::PinnedAllocator::get(); }
  bool isPinnedPtr(const void* data) const override {
    return swift::tests::PinnedAllocator::get().holds(data);
  }
};
REGISTER_CUDA_HOOKS(CUDAHooks)

}  // namespace at
