#include "cuda/gated.h"

#include "cuda/compare.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

double act(Activation activation, double z) {
  if (activation == Activation::silu) return z / (1 + std::exp(-z));
  if (activation == Activation::gelu_erf) return 0.5 * z * (1 + std::erf(z / std::sqrt(2.0)));
  return 0.5 * z * (1 + std::tanh(std::sqrt(2 / M_PI) * (z + 0.044715 * z * z * z)));
}
// By central differences: an oracle that shares no formula with the kernel.
double slope(Activation activation, double z) {
  constexpr double kStep = 1e-5;
  return (act(activation, z + kStep) - act(activation, z - kStep)) / (2 * kStep);
}

}  // namespace

TEST_CASE("gated activations and their gradients equal their plain twins") {
  struct Shape {
    size_t rows, columns, stride;  // stride: gate and up lie in rows of this many values
  };
  for (const Type type : kTypes) {
    for (const auto activation : {Activation::silu, Activation::gelu_tanh, Activation::gelu_erf}) {
      for (const Shape shape : {Shape{3, 1024, 2048}, {2, 33, 70}, {1, 3000, 6000}, {5, 8, 16}}) {
        CAPTURE(shape.rows, shape.columns, static_cast<int>(activation));
        auto both = normal(type, shape.rows * shape.stride, 1, 2.0F);
        both[0] = type == Type::float32 ? 80.0F : 8.0F;
        both[1] = -both[0];
        const auto dy = normal(type, shape.rows * shape.columns, 2);
        const size_t up_at = shape.stride / 2;
        std::vector<double> y, dboth(both.begin(), both.end());
        for (size_t r = 0; r < shape.rows; ++r) {
          for (size_t i = 0; i < shape.columns; ++i) {
            const double g = both[r * shape.stride + i], u = both[r * shape.stride + up_at + i];
            const double d = dy[r * shape.columns + i];
            y.push_back(act(activation, g) * u);
            dboth[r * shape.stride + i] = d * u * slope(activation, g);
            dboth[r * shape.stride + up_at + i] = d * act(activation, g);
          }
        }
        const Values in("gate and up", type, both), out("y", type, shape.rows * shape.columns),
            grad("dy", type, dy);
        auto* base = static_cast<std::byte*>(in.data());
        void* up = base + up_at * size_of(type);
        const auto stride = static_cast<int64_t>(shape.stride);
        const Gated a{type,
                      activation,
                      base,
                      up,
                      stride,
                      stride,
                      out.data(),
                      grad.data(),
                      base,
                      up,
                      static_cast<int64_t>(shape.rows),
                      static_cast<int>(shape.columns)};
        gated_forward(a, nullptr);
        check_near(out.read(), y, type);
        gated_backward(a, nullptr);
        check_near(in.read(), dboth, type, 4);
      }
    }
  }
}
