// Compares an operation and its backward with the plain twin under autograd.
#pragma once
#include <catch2/catch.hpp>
#include <functional>

#include "ops/torch.h"

namespace swift::tests {

using Op = std::function<at::Tensor(const std::vector<at::Tensor>&)>;

struct Tolerance {
  double forward = 1e-5;
  double backward = 1e-4;
};

// Largest difference relative to the largest magnitude of `want`.
inline double relative(const at::Tensor& got, const at::Tensor& want) {
  const double size = std::max(1e-6, want.to(at::kDouble).abs().max().item<double>());
  return (got.cpu().to(at::kDouble) - want.cpu().to(at::kDouble)).abs().max().item<double>() / size;
}

// Both run on leaves with the same values and the same incoming gradient, the operation on `device`.
inline void check_against_plain(const Op& fused, const Op& plain, const std::vector<at::Tensor>& inputs,
                                Tolerance tolerance, at::Device device = at::kCPU) {
  std::vector<at::Tensor> a, b;
  for (const at::Tensor& input : inputs) {
    a.push_back(input.detach().clone().to(device).requires_grad_(true));
    b.push_back(input.detach().clone().requires_grad_(true));
  }
  const at::Tensor got = fused(a), want = plain(b);
  CHECK(relative(got.detach(), want.detach()) < tolerance.forward);
  at::manual_seed(7);
  const at::Tensor grad = got.dim() == 0 ? at::ones_like(got) : at::randn(got.sizes()).to(got.scalar_type());
  got.backward(grad.to(device));
  want.backward(grad.to(want.scalar_type()));
  for (size_t i = 0; i < inputs.size(); ++i) {
    CAPTURE(i);
    REQUIRE(a[i].grad().defined());
    CHECK(relative(a[i].grad(), b[i].grad()) < tolerance.backward);
  }
}

inline at::Tensor random(at::IntArrayRef shape, at::ScalarType type = at::kFloat) {
  return at::randn(shape).to(type);
}

// bf16 keeps 8 bits; sums of products differ by the order of rounding.
inline Tolerance tolerance_of(at::ScalarType type) {
  return type == at::kBFloat16 ? Tolerance{2e-2, 3e-2} : Tolerance{1e-5, 1e-4};
}

}  // namespace swift::tests
