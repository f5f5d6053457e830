// bf16 matrix products by cuBLASLt, as PyTorch's linear layers call it: the first algorithm that its
// heuristic names, 32 MiB of workspace.
#pragma once
#include <cublasLt.h>

#include <memory>
#include <vector>

#include "array.h"

namespace swift::gpu_bench {

// c (m, n) = a (m, k) b (k, n) + beta c, all row-major and dense, fp32 sums. `a_transposed`: a lies as (k,
// m); `b_transposed`: b lies as (n, k), as a linear layer's weight does.
struct ProductShape {
  int64_t m, n, k;
  bool a_transposed = false, b_transposed = true;
  float beta = 0;
};

class Product {
 public:
  // Throws base::Error(device) when cuBLASLt knows no algorithm.
  explicit Product(const ProductShape& shape);
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;
  ~Product();

  // Algorithms that the heuristic named, best first.
  int algorithms() const { return static_cast<int>(algorithms_.size()); }
  void run(const void* a, const void* b, void* c, int algorithm = 0) const;
  double flops() const;

 private:
  ProductShape shape_;
  cublasLtHandle_t handle_ = nullptr;
  cublasLtMatmulDesc_t operation_ = nullptr;
  cublasLtMatrixLayout_t first_ = nullptr, second_ = nullptr, result_ = nullptr;
  std::vector<cublasLtMatmulAlgo_t> algorithms_;
  Memory workspace_;
};

}  // namespace swift::gpu_bench
