#include "cuda/ops/platform.h"

#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

namespace swift::cuda {

Stream stream_of(const at::Tensor& t) {
  return c10::cuda::getCurrentCUDAStream(t.device().index()).stream();
}

int multiprocessors(const at::Tensor& t) {
  return at::cuda::getDeviceProperties(t.device().index())->multiProcessorCount;
}

int64_t free_bytes() {
  size_t free = 0, total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(c10::cuda::current_device());
  return static_cast<int64_t>(free) + stats.reserved_bytes[0].current - stats.allocated_bytes[0].current;
}

int64_t peak_bytes() {
  return c10::cuda::CUDACachingAllocator::getDeviceStats(c10::cuda::current_device()).reserved_bytes[0].peak;
}

at::Tensor wide_product(const at::Tensor& x, const at::Tensor& w) {
  return at::mm(x, w.t(), at::kFloat);
}

namespace {

class Graph final : public ops::DeviceGraph {
 public:
  explicit Graph(const std::function<void()>& work) {
    // All graphs are recorded on one stream, for which cuBLAS keeps one workspace, and take their memory from
    // one pool: they run one after another, and what they leave lies elsewhere.
    static const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();
    static const at::cuda::MempoolId_t pool = at::cuda::graph_pool_handle();
    // What the work needs was queued before, on another stream. While a graph is recorded the allocator gives
    // nothing back to the device, so what is free goes before.
    c10::cuda::getCurrentCUDAStream().synchronize();
    c10::cuda::CUDACachingAllocator::emptyCache();
    const c10::cuda::CUDAStreamGuard guard(stream);
    graph_.capture_begin(pool, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      end_after_error();
      throw;
    }
    graph_.capture_end();
  }
  void replay() override { graph_.replay(); }

 private:
  // The error that ended the work says more than what a broken recording adds to it.
  void end_after_error() noexcept {
    try {
      graph_.capture_end();
    } catch (const c10::Error&) {
      cudaGetLastError();  // not to be found by the next launch
    }
  }

  at::cuda::CUDAGraph graph_;
};

}  // namespace

std::unique_ptr<ops::DeviceGraph> captured(const std::function<void()>& work) {
  return std::make_unique<Graph>(work);
}

}  // namespace swift::cuda
