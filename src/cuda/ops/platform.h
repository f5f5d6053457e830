// What the operations need of the device beside kernels: its stream, its size, and products of cuBLAS that
// ATen has for CUDA tensors alone. The tests over the execution layer have bodies of their own.
#pragma once
#include <cstdint>

#include "cuda/types.h"
#include "ops/device_decode.h"
#include "ops/torch.h"

namespace swift::cuda {

// The stream on which ATen queues operations of t's device now.
Stream stream_of(const at::Tensor& t);
// Blocks of a kernel that run at a time are a few for each of these.
int multiprocessors(const at::Tensor& t);
// Memory that is free for new tensors: the driver's, and what ATen's allocator keeps unused.
int64_t free_bytes();
// The most that ATen's allocator held at a time.
int64_t peak_bytes();
// x · W^T with sums and result in fp32; x (rows, in), W (out, in) of one 16-bit type.
at::Tensor wide_product(const at::Tensor& x, const at::Tensor& w);
// ops::DeviceDecode::capture, of work on the current device.
std::unique_ptr<ops::DeviceGraph> captured(const std::function<void()>& work);

}  // namespace swift::cuda
