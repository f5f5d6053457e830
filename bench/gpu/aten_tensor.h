// Tensors over the benchmark's arrays, for the files that see LibTorch.
#pragma once
#include <ATen/ATen.h>

#include "aten.h"

namespace swift::gpu_bench::aten {

inline at::ScalarType scalar_type(Type type) {
  switch (type) {
    case Type::float32:
      return at::kFloat;
    case Type::float16:
      return at::kHalf;
    case Type::bfloat16:
      return at::kBFloat16;
  }
  return at::kFloat;
}

inline at::Tensor view(void* data, at::ScalarType type, at::IntArrayRef shape) {
  at::globalContext().lazyInitDevice(at::kCUDA);
  return at::from_blob(data, shape, at::TensorOptions().dtype(type).device(at::kCUDA, 0));
}
inline at::Tensor view(const Array& array, int set, at::IntArrayRef shape) {
  return view(array.at(set), scalar_type(array.type()), shape);
}

// A tensor for each copy.
using Tensors = std::vector<at::Tensor>;
inline Tensors views(const Array& array, int sets, at::IntArrayRef shape) {
  Tensors all;
  for (int set = 0; set < sets; ++set) all.push_back(view(array, set, shape));
  return all;
}
inline const at::Tensor& of(const Tensors& all, int set) {
  return all[static_cast<size_t>(set)];
}

inline at::Tensor ids_of(const Table<int32_t>& table) {
  return view(table.data(), at::kInt, {static_cast<int64_t>(table.count())}).to(at::kLong);
}

}  // namespace swift::gpu_bench::aten
