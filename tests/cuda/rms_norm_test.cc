#include "cuda/rms_norm.h"

#include "cuda/compare.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

struct Plain {
  std::vector<double> sum, y, inverse;
};

Plain plain_forward(const std::vector<float>& x, const std::vector<float>& residual,
                    const std::vector<float>& w, size_t rows, size_t hidden, Type type, double eps) {
  Plain out;
  std::vector<float> sum(x);
  for (size_t i = 0; i < residual.size(); ++i) sum[i] += residual[i];
  sum = rounded(type, sum);
  for (size_t r = 0; r < rows; ++r) {
    double squares = 0;
    for (size_t i = 0; i < hidden; ++i) squares += double{sum[r * hidden + i]} * sum[r * hidden + i];
    const double inverse = 1.0 / std::sqrt(squares / static_cast<double>(hidden) + eps);
    out.inverse.push_back(inverse);
    for (size_t i = 0; i < hidden; ++i) {
      out.sum.push_back(sum[r * hidden + i]);
      out.y.push_back(sum[r * hidden + i] * inverse * w[i]);
    }
  }
  return out;
}

struct Gradients {
  std::vector<double> dx, dw;
};

Gradients plain_backward(const std::vector<float>& dy, const std::vector<float>& x,
                         const std::vector<float>& w, const std::vector<float>& dsum,
                         const std::vector<double>& inverse, size_t hidden) {
  Gradients out{{}, std::vector<double>(hidden)};
  for (size_t r = 0; r < inverse.size(); ++r) {
    const float *d = &dy[r * hidden], *v = &x[r * hidden];
    double dot = 0;
    for (size_t i = 0; i < hidden; ++i) dot += double{d[i]} * w[i] * v[i];
    for (size_t i = 0; i < hidden; ++i) {
      const double shift = v[i] * inverse[r] * inverse[r] * dot / static_cast<double>(hidden);
      out.dx.push_back(inverse[r] * (double{d[i]} * w[i] - shift) +
                       (dsum.empty() ? 0 : dsum[r * hidden + i]));
      out.dw[i] += double{d[i]} * v[i] * inverse[r];
    }
  }
  return out;
}

}  // namespace

TEST_CASE("add + RMSNorm equals its plain twin") {
  struct Shape {
    size_t rows, hidden;
  };
  for (const Type type : kTypes) {
    for (const Shape shape :
         {Shape{1, 8}, {3, 1024}, {2, 33}, {5, 7}, {2, 2560}, {1, 8192}, {1, 5001}, {1, 8192}}) {
      for (const bool with_residual : {false, true}) {
        CAPTURE(shape.rows, shape.hidden, with_residual);
        const size_t count = shape.rows * shape.hidden;
        const auto x = normal(type, count, 1), w = normal(type, shape.hidden, 2);
        const auto r = with_residual ? normal(type, count, 3) : std::vector<float>();
        const Plain wanted = plain_forward(x, r, w, shape.rows, shape.hidden, type, 1e-6);
        in_every_order([&] {
          const Values dx("x", type, x), dr("residual", type, r), dw("weight", type, w), y("y", type, count);
          const Buffer<float> inverse("inverse_rms", shape.rows);
          rms_norm_forward({type, dx.data(), with_residual ? dr.data() : nullptr, dw.data(), y.data(),
                            with_residual ? dr.data() : nullptr, inverse.data(),
                            static_cast<int64_t>(shape.rows), static_cast<int>(shape.hidden), 1e-6F},
                           nullptr);
          check_near(y.read(), wanted.y, type);
          check_near(inverse.read(), wanted.inverse, Type::float32);
          if (with_residual) check_near(dr.read(), wanted.sum, type, 0);
        });
      }
    }
  }
}

TEST_CASE("a hidden size that no block holds is refused") {
  const Buffer<float> x("x", 1);
  CHECK_THROWS_WITH(
      rms_norm_forward({Type::float32, x.data(), nullptr, x.data(), x.data(), nullptr, nullptr, 1, 65536, 0},
                       nullptr),
      Catch::Contains("hidden 65536 is too large"));
}

TEST_CASE("the gradient of add + RMSNorm equals its plain twin") {
  struct Shape {
    size_t rows, hidden;
  };
  for (const Type type : kTypes) {
    for (const Shape shape : {Shape{1, 16}, {258, 512}, {3, 1024}, {7, 33}, {2, 4096}, {1, 6144}}) {
      for (const bool with_sum : {false, true}) {
        CAPTURE(shape.rows, shape.hidden, with_sum);
        const size_t count = shape.rows * shape.hidden;
        const auto x = normal(type, count, 1), w = normal(type, shape.hidden, 2), dy = normal(type, count, 3);
        const auto more = with_sum ? normal(type, count, 4) : std::vector<float>();
        const Plain forward = plain_forward(x, {}, w, shape.rows, shape.hidden, type, 1e-6);
        const Gradients wanted = plain_backward(dy, x, w, more, forward.inverse, shape.hidden);
        std::vector<float> inverse(forward.inverse.begin(), forward.inverse.end());
        const Values dx("x", type, x), dw("weight", type, w), ddy("dy", type, dy), dsum("dsum", type, more);
        const Values out("dx", type, count), dweight("dweight", type, shape.hidden);
        const Buffer<float> scale("inverse_rms", inverse), partial("partial", kRmsNormSlices * shape.hidden);
        RmsNormBackward a{type,
                          ddy.data(),
                          dx.data(),
                          dw.data(),
                          scale.data(),
                          with_sum ? dsum.data() : nullptr,
                          out.data(),
                          dweight.data(),
                          partial.data(),
                          static_cast<int64_t>(shape.rows),
                          static_cast<int>(shape.hidden)};
        rms_norm_backward(a, nullptr);
        check_near(out.read(), wanted.dx, type);
        check_near(dweight.read(), wanted.dw, type, 2 * std::sqrt(static_cast<double>(shape.rows)));
        a.dweight = nullptr;
        a.dx = ddy.data();
        rms_norm_backward(a, nullptr);
        check_near(ddy.read(), wanted.dx, type);
      }
    }
  }
}
