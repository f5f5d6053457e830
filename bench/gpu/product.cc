#include "product.h"

namespace swift::gpu_bench {
namespace {

constexpr size_t kWorkspace = size_t{32} << 20;

cublasLtMatrixLayout_t layout(int64_t rows, int64_t columns) {
  cublasLtMatrixLayout_t made = nullptr;
  check(cublasLtMatrixLayoutCreate(&made, CUDA_R_16BF, static_cast<uint64_t>(rows),
                                   static_cast<uint64_t>(columns), rows),
        "describing a matrix");
  return made;
}

}  // namespace

// cuBLASLt's matrices lie by columns: c^T (n, m) = b^T (n, k) a^T (k, m) is what it computes. What lies
// row-major as (r, c) it sees as (c, r).
Product::Product(const ProductShape& shape) : shape_(shape), workspace_(kWorkspace) {
  check(cublasLtCreate(&handle_), "starting cuBLASLt");
  check(cublasLtMatmulDescCreate(&operation_, CUBLAS_COMPUTE_32F, CUDA_R_32F), "describing a product");
  const cublasOperation_t first = shape.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  const cublasOperation_t second = shape.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  check(cublasLtMatmulDescSetAttribute(operation_, CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first),
        "describing a product");
  check(cublasLtMatmulDescSetAttribute(operation_, CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second),
        "describing a product");
  first_ = shape.b_transposed ? layout(shape.k, shape.n) : layout(shape.n, shape.k);
  second_ = shape.a_transposed ? layout(shape.m, shape.k) : layout(shape.k, shape.m);
  result_ = layout(shape.n, shape.m);

  cublasLtMatmulPreference_t preference = nullptr;
  check(cublasLtMatmulPreferenceCreate(&preference), "asking cuBLASLt");
  cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &kWorkspace,
                                       sizeof kWorkspace);
  std::vector<cublasLtMatmulHeuristicResult_t> found(8);
  int count = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(handle_, operation_, first_, second_, result_, result_, preference,
                                     static_cast<int>(found.size()), found.data(), &count);
  cublasLtMatmulPreferenceDestroy(preference);
  check(status, "asking cuBLASLt for an algorithm");
  for (int i = 0; i < count; ++i) {
    const auto& result = found[static_cast<size_t>(i)];
    if (result.state == CUBLAS_STATUS_SUCCESS) algorithms_.push_back(result.algo);
  }
  if (algorithms_.empty()) throw base::Error(base::ExitCode::device, "cuBLASLt knows no algorithm");
}

Product::~Product() {
  cublasLtMatrixLayoutDestroy(result_);
  cublasLtMatrixLayoutDestroy(second_);
  cublasLtMatrixLayoutDestroy(first_);
  cublasLtMatmulDescDestroy(operation_);
  cublasLtDestroy(handle_);
}

void Product::run(const void* a, const void* b, void* c, int algorithm) const {
  const float alpha = 1.0F;
  check(
      cublasLtMatmul(handle_, operation_, &alpha, b, first_, a, second_, &shape_.beta, c, result_, c, result_,
                     &algorithms_[static_cast<size_t>(algorithm)], workspace_.data(), kWorkspace, nullptr),
      "a product");
}

double Product::flops() const {
  return 2.0 * static_cast<double>(shape_.m) * static_cast<double>(shape_.n) * static_cast<double>(shape_.k);
}

}  // namespace swift::gpu_bench
