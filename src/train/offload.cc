#include "train/offload.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/scratch_file.h"

namespace swift::train {
namespace {

// Smaller tensors stay in memory.
constexpr size_t kLeastBytes = 4096;
constexpr size_t kWindowBytes = size_t{32} << 20;
constexpr uint8_t kPriority = 255;  // above every allocator that LibTorch registers

// A piece of the file in memory; many tensors share one, because a process has only so many mappings.
class Window {
 public:
  Window(const base::ScratchFile& file, int64_t offset, size_t bytes)
      : data_(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor(), offset)),
        bytes_(bytes) {
    if (data_ == MAP_FAILED)
      throw base::Error(base::ExitCode::failure, "cannot map the offloaded state",
                        {file.directory().string()});
  }
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;
  ~Window() { ::munmap(data_, bytes_); }

  size_t left() const { return bytes_ - used_; }
  void* take(size_t bytes) {
    void* place = static_cast<std::byte*>(data_) + used_;
    used_ += bytes;
    return place;
  }
  void release() const { ::madvise(data_, bytes_, MADV_DONTNEED); }

 private:
  void* data_;
  size_t bytes_;
  size_t used_ = 0;
};

using WindowPtr = std::shared_ptr<Window>;

void drop(void* held) {
  const std::unique_ptr<WindowPtr> last(static_cast<WindowPtr*>(held));
}

// Gives memory that is mapped from a scratch file; small requests go to the usual allocator. What a tensor
// frees is not given again: an optimizer's state lives as long as the optimizer.
class MappedAllocator final : public c10::Allocator {
 public:
  MappedAllocator(base::ScratchFile& file, c10::Allocator& usual) : file_(file), usual_(usual) {}

  c10::DataPtr allocate(size_t bytes) override {
    if (bytes < kLeastBytes) return usual_.allocate(bytes);
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const size_t whole = (bytes + page - 1) / page * page;
    if (windows_.empty() || windows_.back()->left() < whole) {
      release();  // what was filled before
      const size_t window = std::max(whole, kWindowBytes);
      file_.reserve(end_, static_cast<int64_t>(window));
      windows_.push_back(std::make_shared<Window>(file_, end_, window));
      end_ += static_cast<int64_t>(window);
    }
    bytes_ += static_cast<int64_t>(whole);
    auto held = std::make_unique<WindowPtr>(windows_.back());
    return {windows_.back()->take(whole), held.release(), &drop, c10::Device(c10::DeviceType::CPU)};
  }
  void copy_data(void* to, const void* from, size_t count) const override {
    default_copy_data(to, from, count);
  }

  void release() const {
    for (const WindowPtr& window : windows_) window->release();
    file_.forget(0, end_);
  }
  int64_t bytes() const { return bytes_; }

 private:
  base::ScratchFile& file_;
  c10::Allocator& usual_;
  std::vector<WindowPtr> windows_;
  int64_t end_ = 0;    // of the file
  int64_t bytes_ = 0;  // given to tensors
};

// LibTorch asks this allocator while it lives.
class AllocatorGuard {
 public:
  explicit AllocatorGuard(c10::Allocator& ours) : usual_(c10::GetCPUAllocator()) {
    c10::SetCPUAllocator(&ours, kPriority);
  }
  AllocatorGuard(const AllocatorGuard&) = delete;
  AllocatorGuard& operator=(const AllocatorGuard&) = delete;
  ~AllocatorGuard() { c10::SetCPUAllocator(usual_, kPriority); }

 private:
  c10::Allocator* usual_;
};

class FileState final : public OffloadedState {
 public:
  explicit FileState(const std::filesystem::path& directory)
      : file_(directory), allocator_(file_, *c10::GetCPUAllocator()) {}

  std::unique_ptr<Optimizer> build(const std::function<std::unique_ptr<Optimizer>()>& make) override {
    const AllocatorGuard guard(allocator_);
    auto made = make();
    allocator_.release();
    return made;
  }
  void release() override { allocator_.release(); }
  int64_t bytes() const override { return allocator_.bytes(); }

 private:
  base::ScratchFile file_;
  MappedAllocator allocator_;
};

}  // namespace

std::unique_ptr<OffloadedState> file_offloaded_state(const std::filesystem::path& directory) {
  return std::make_unique<FileState>(directory);
}

void step_offloaded(Optimizer& optimizer, double learning_rate, OffloadedState* store) {
  if (store == nullptr) return optimizer.step(learning_rate);
  int64_t touched = 0;
  for (size_t i = 0; i < optimizer.parameters().size(); ++i) {
    const at::Tensor& value = optimizer.parameters()[i].value;
    if (!value.grad().defined()) continue;
    optimizer.step_one(i, learning_rate);
    touched += value.numel() * 12;  // two fp32 moments and a master at most
    if (touched < kOffloadedAtOnce) continue;
    store->release();
    touched = 0;
  }
  store->release();
}

}  // namespace swift::train
