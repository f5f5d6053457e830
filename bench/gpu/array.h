// Device memory for a case: one or more copies of an array, which calls take in turn (schedule.h).
#pragma once
#include <cuda_runtime.h>

#include <cstdint>
#include <vector>

#include "check.h"
#include "cuda/types.h"
#include "device_kernels.h"

namespace swift::gpu_bench {

using cuda::Type;

class Memory {
 public:
  explicit Memory(size_t bytes) { check(cudaMalloc(&data_, bytes == 0 ? 1 : bytes), "allocating"); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { cudaFree(data_); }
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
};

// `sets` copies of `count` values of `type`, each starting on 256 bytes, filled with values of the spread.
class Array {
 public:
  Array(Type type, int sets, size_t count, float spread = 1.0F)
      : type_(type),
        count_(count),
        stride_((count * cuda::size_of(type) + 255) / 256 * 256),
        memory_(stride_ * static_cast<size_t>(sets)) {
    for (int set = 0; set < sets; ++set)
      fill_values(at(set), type, count, static_cast<uint32_t>(set), spread);
  }
  Type type() const { return type_; }
  size_t count() const { return count_; }
  void* at(int set) const {
    return static_cast<std::byte*>(memory_.data()) + stride_ * static_cast<size_t>(set);
  }
  float* floats(int set = 0) const { return static_cast<float*>(at(set)); }

 private:
  Type type_;
  size_t count_, stride_;
  Memory memory_;
};

// `sets` copies of `count` random bytes.
class Codes {
 public:
  Codes(int sets, size_t count)
      : stride_((count + 255) / 256 * 256), memory_(stride_ * static_cast<size_t>(sets)) {
    for (int set = 0; set < sets; ++set) fill_bytes(at(set), count, static_cast<uint32_t>(set));
  }
  uint8_t* at(int set) const {
    return static_cast<uint8_t*>(memory_.data()) + stride_ * static_cast<size_t>(set);
  }
  uint32_t* words(int set) const { return reinterpret_cast<uint32_t*>(at(set)); }

 private:
  size_t stride_;
  Memory memory_;
};

// Values brought from the host.
template <class T>
class Table {
 public:
  explicit Table(const std::vector<T>& values) : count_(values.size()), memory_(values.size() * sizeof(T)) {
    check(cudaMemcpy(memory_.data(), values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice),
          "copying to the device");
  }
  T* data() const { return static_cast<T*>(memory_.data()); }
  size_t count() const { return count_; }

 private:
  size_t count_;
  Memory memory_;
};

}  // namespace swift::gpu_bench
