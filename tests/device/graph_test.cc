// The recorder of graphs itself: what it keeps, and what a capture refuses.
#include <catch2/catch.hpp>
#include <stdexcept>

#include "device/host_device.h"
#include "device/recording.h"
#include "ops/device_ops.h"
#include "ops/upload.h"

namespace swift::tests {
using at::Tensor;

TEST_CASE("a graph computes from the memory that it was recorded on, and leaves it alone until then") {
  const Tensor x = at::ones({4}).to(host_device()), y = at::zeros({4}).to(host_device());
  double factor = 2;
  const auto graph = ops::device_ops(x)->capture([&] { y.copy_(x * factor + y); });
  CHECK(y.cpu().equal(at::zeros({4})));
  factor = 100;  // of the host: a graph keeps the old one
  x.fill_(3);
  graph->replay();
  CHECK(y.cpu().equal(at::full({4}, 6.0)));
  graph->replay();
  CHECK(y.cpu().equal(at::full({4}, 12.0)));
}

TEST_CASE("a graph runs kernels again, with what a backward pass makes") {
  const Tensor w = at::full({8}, 2.0).to(host_device()).requires_grad_(true);
  const Tensor x = at::rand({3, 8}).to(host_device());
  w.mutable_grad() = at::zeros_like(w);
  const auto graph = ops::device_ops(x)->capture([&] { (x * w).sum().backward(); });
  for (int i = 0; i < 2; ++i) graph->replay();
  CHECK(at::allclose(w.grad().cpu(), 2 * x.cpu().sum(0)));
}

TEST_CASE("waits and copies from the host cannot be part of a graph") {
  const Tensor x = at::ones({4}).to(host_device());
  const auto* device = ops::device_ops(x);
  CHECK_THROWS_AS(device->capture([&] { (void)x.sum().item<float>(); }), std::logic_error);
  CHECK_THROWS_AS(device->capture([&] { (void)ops::uploaded(at::ones({4}), x.device()); }), std::logic_error);
  CHECK_THROWS_AS(device->capture([&] { (void)at::nonzero(x); }), std::logic_error);
  CHECK(x.sum().item<float>() == 4);
}

}  // namespace swift::tests
