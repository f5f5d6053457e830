// Weights in 4 and 8 bits, and the linear over them.
#include "gradcheck.h"
#include "ops/four_bit.h"
#include "ops/int8_weight.h"
#include "ops/quantized_linear.h"

using namespace swift;
using namespace swift::tests;

namespace {

ops::QuantizedPtr quantized(const at::Tensor& w, int kind, at::ScalarType compute) {
  if (kind < 2)
    return c10::make_intrusive<ops::FourBitWeight>(
        w, kind == 0 ? ops::FourBitCode::nf4 : ops::FourBitCode::fp4, true, compute);
  return c10::make_intrusive<ops::Int8Weight>(w, kind == 2 ? w.size(1) : 256, compute);
}

}  // namespace

TEST_CASE("4-bit weights unpack as their plain twin does, in every type and for counts that end anywhere") {
  for (const auto code : {ops::FourBitCode::nf4, ops::FourBitCode::fp4}) {
    for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf}) {
      for (const auto& [rows, columns] : {std::pair{1, 1}, {3, 5}, {7, 30}, {64, 96}, {5, 77}}) {
        for (const bool double_quant : {false, true}) {
          CAPTURE(rows, columns, double_quant);
          const auto stored = ops::four_bit_encode(random({rows, columns}, type), code, double_quant);
          CHECK(ops::four_bit_decode(stored, code, {rows, columns}, type)
                    .equal(ops::four_bit_decode_plain(stored, code, {rows, columns}, type)));
        }
      }
    }
  }
}

TEST_CASE("a 4-bit value is the nearest of the sixteen") {
  const at::Tensor w = random({16, 64});
  for (const auto code : {ops::FourBitCode::nf4, ops::FourBitCode::fp4}) {
    const auto stored = ops::four_bit_encode(w, code, false);
    const at::Tensor got = ops::four_bit_decode(stored, code, w.sizes(), at::kFloat);
    const at::Tensor values = at::empty({16});
    std::copy_n(ops::four_bit_values(code).data(), 16, values.data_ptr<float>());
    const at::Tensor all = values.view({1, 1, 16}) * stored.scales.view({16, 1, 1});
    const at::Tensor least = std::get<0>((w.unsqueeze(2) - all).abs().min(2));
    CHECK(at::allclose((w - got).abs(), least, 0, 1e-6));
  }
}

TEST_CASE("blocks of zeros stay zero, and the largest value of an 8-bit row is exact") {
  const at::Tensor zeros = at::zeros({4, 64});
  for (int kind = 0; kind < 4; ++kind)
    CHECK(quantized(zeros, kind, at::kFloat)->unpack(at::kFloat).abs().max().item<double>() == 0);
  const at::Tensor w = random({8, 50});
  const at::Tensor got = quantized(w, 2, at::kFloat)->unpack(at::kFloat);
  const auto largest = w.abs().argmax(1, true);
  CHECK(at::allclose(got.gather(1, largest), w.gather(1, largest), 1e-6, 0));
}

TEST_CASE("stored weights take the memory they should") {
  const at::Tensor w = random({256, 512}, at::kBFloat16);
  const int64_t count = w.numel();
  CHECK(quantized(w, 0, at::kBFloat16)->bytes() == count / 2 + count / 64 + count / 64 / 256 * 4);
  CHECK(quantized(w, 2, at::kBFloat16)->bytes() == count + 256 * 4);
  CHECK(quantized(w, 3, at::kBFloat16)->bytes() == count + count / 256 * 4);
}

TEST_CASE("quantized linear equals its plain twin, forward and backward, with and without an update") {
  for (int kind = 0; kind < 4; ++kind) {
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      const ops::QuantizedPtr w = quantized(random({24, 32}, type), kind, type);
      CAPTURE(kind);
      check_against_plain(
          [&](const auto& in) { return ops::QuantizedLinear::forward(in[0], w, {}, in[1], nullptr); },
          [&](const auto& in) { return ops::QuantizedLinear::plain(in[0], w, in[1], nullptr); },
          {random({19, 32}, type), random({24}, type)}, tolerance_of(type));
      for (const double dropout : {0.0, 0.3}) {
        const auto update = [&](const auto& in) { return ops::LowRank{in[1], in[2], 0.7, dropout, 99}; };
        check_against_plain(
            [&](const auto& in) {
              const auto low_rank = update(in);
              return ops::QuantizedLinear::forward(in[0], w, {}, {}, &low_rank);
            },
            [&](const auto& in) {
              const auto low_rank = update(in);
              return ops::QuantizedLinear::plain(in[0], w, {}, &low_rank);
            },
            {random({19, 32}, type), random({4, 32}), random({24, 4})}, tolerance_of(type));
      }
    }
  }
}

TEST_CASE("a trained quantized weight gets the gradient of its values, the update's and the bias's too") {
  const ops::QuantizedPtr w = quantized(random({24, 32}), 3, at::kFloat);
  const at::Tensor values = w->unpack(at::kFloat);
  check_against_plain(
      [&](const auto& in) {
        const ops::LowRank update{in[3], in[4], 0.5, 0.0, 0};
        return ops::QuantizedLinear::forward(in[0], w, in[1], in[2], &update);
      },
      [&](const auto& in) {
        const ops::LowRank update{in[3], in[4], 0.5, 0.0, 0};
        return ops::Linear::plain(in[0], in[1], in[2], &update);
      },
      {random({9, 32}), values, random({24}), random({4, 32}), random({24, 4})}, {1e-5, 1e-4});
}

TEST_CASE("gradients of the quantized linear agree with finite differences in fp64") {
  const ops::QuantizedPtr w = quantized(random({6, 10}), 0, at::kDouble);
  const at::Tensor x = random({3, 10}, at::kDouble).requires_grad_(true);
  const at::Tensor a = random({2, 10}, at::kDouble).requires_grad_(true);
  const at::Tensor b = random({6, 2}, at::kDouble).requires_grad_(true);
  const at::Tensor probe = random({3, 6}, at::kDouble);
  const ops::LowRank update{a, b, 1.5, 0.0, 0};
  const auto value = [&] { return (ops::QuantizedLinear::forward(x, w, {}, {}, &update) * probe).sum(); };
  value().backward();
  const at::NoGradGuard no_grad;
  constexpr double kStep = 1e-5;
  for (const at::Tensor& leaf : {x, a, b}) {
    double* data = leaf.data_ptr<double>();
    for (int64_t i = 0; i < leaf.numel(); ++i) {
      const double kept = data[i];
      data[i] = kept + kStep;
      const double above = value().item<double>();
      data[i] = kept - kStep;
      const double below = value().item<double>();
      data[i] = kept;
      CHECK(leaf.grad().flatten()[i].item<double>() == Approx((above - below) / (2 * kStep)).margin(1e-7));
    }
  }
}

TEST_CASE("the compute type is that of the products, and results come back in the input's type") {
  const at::Tensor w = random({24, 32});
  const ops::QuantizedPtr narrow = quantized(w, 0, at::kBFloat16);
  const at::Tensor x = random({5, 32}).requires_grad_(true);
  const at::Tensor y = ops::QuantizedLinear::forward(x, narrow, {}, {}, nullptr);
  CHECK(y.scalar_type() == at::kFloat);
  CHECK(relative(y.detach(), ops::QuantizedLinear::plain(x.detach(), narrow, {}, nullptr)) < 2e-2);
  CHECK_FALSE(y.detach().equal(ops::QuantizedLinear::plain(x.detach(), narrow, {}, nullptr)));
  y.sum().backward();
  CHECK(x.grad().scalar_type() == at::kFloat);
}

TEST_CASE("shapes that do not fit are refused, naming both") {
  const ops::QuantizedPtr w = quantized(random({6, 10}), 0, at::kFloat);
  CHECK_THROWS_WITH(ops::QuantizedLinear::forward(random({3, 8}), w, {}, {}, nullptr),
                    Catch::Contains("[3, 8]") && Catch::Contains("[6, 10]"));
}
