// Device memory for the tests of kernels. The same tests run over the execution layer of tests/cuda_host/ and
// on a GPU: device_memory.h has one body for each.
#pragma once
#include <cstring>
#include <string>
#include <vector>

#include "cuda/device_memory.h"
#include "cuda/types.h"
#include "cuda_host/layer/numbers.h"

namespace swift::cuda_test {

using cuda::Type;

// `count` values of T in device memory.
template <class T>
class Buffer {
 public:
  Buffer(const std::string& name, size_t count) : count_(count), data_(allocate(count * sizeof(T), name)) {}
  Buffer(const std::string& name, const std::vector<T>& values) : Buffer(name, values.size()) {
    upload(data_, values.data(), count_ * sizeof(T));
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { release(data_); }

  T* data() const { return static_cast<T*>(data_); }
  size_t size() const { return count_; }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    download(values.data(), data_, count_ * sizeof(T));
    return values;
  }

 private:
  size_t count_;
  void* data_;
};

// Values rounded to `type`, as fp32.
inline std::vector<float> rounded(Type type, std::vector<float> values) {
  for (float& x : values) {
    if (type == Type::bfloat16) x = cuda_host::to_float(cuda_host::to_bf16(x));
    if (type == Type::float16) x = cuda_host::to_float(cuda_host::to_half(x));
  }
  return values;
}

// Values of a type known at run time.
class Values {
 public:
  Values(const std::string& name, Type type, size_t count)
      : type_(type), bytes_(name, count * cuda::size_of(type)) {}
  Values(const std::string& name, Type type, const std::vector<float>& values)
      : type_(type), bytes_(name, encode(type, values)) {}

  void* data() const { return bytes_.data(); }
  std::vector<float> read() const { return decode(type_, bytes_.read()); }

 private:
  static std::vector<std::byte> encode(Type type, const std::vector<float>& values) {
    std::vector<std::byte> bytes(values.size() * cuda::size_of(type));
    for (size_t i = 0; i < values.size(); ++i) {
      const uint16_t half =
          type == Type::bfloat16 ? cuda_host::to_bf16(values[i]).bits : cuda_host::to_half(values[i]).bits;
      if (type == Type::float32) {
        std::memcpy(&bytes[4 * i], &values[i], 4);
      } else {
        std::memcpy(&bytes[2 * i], &half, 2);
      }
    }
    return bytes;
  }
  static std::vector<float> decode(Type type, const std::vector<std::byte>& bytes) {
    std::vector<float> values(bytes.size() / cuda::size_of(type));
    for (size_t i = 0; i < values.size(); ++i) {
      uint16_t half = 0;
      if (type == Type::float32) {
        std::memcpy(&values[i], &bytes[4 * i], 4);
      } else {
        std::memcpy(&half, &bytes[2 * i], 2);
        values[i] =
            type == Type::bfloat16 ? to_float(cuda_host::Bf16{half}) : to_float(cuda_host::Half{half});
      }
    }
    return values;
  }

  Type type_;
  Buffer<std::byte> bytes_;
};

}  // namespace swift::cuda_test
