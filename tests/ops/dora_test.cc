#include "ops/dora.h"

#include "gradcheck.h"
#include "ops/dora_linear.h"
#include "ops/gemm.h"

using namespace swift;
using tests::check_against_plain;
using tests::random;
using tests::tolerance_of;

TEST_CASE("DoRA's norms equal the norms of W + scale B A") {
  at::manual_seed(3);
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor w = random({96, 64}, type), a = random({8, 64}), b = random({96, 8});
    const at::Tensor wide =
        w.to(at::kFloat) + 0.5 * at::mm(b.to(type).to(at::kFloat), a.to(type).to(at::kFloat));
    const at::Tensor want = at::linalg_vector_norm(wide, 2, at::IntArrayRef({1}));
    CHECK(tests::relative(ops::updated_norms(w, ops::square_norms(w), {a, b, 0.5, 0, 0}), want) < 1e-5);
  }
}

TEST_CASE("without an update the norms are those of the weight exactly, and a row of zeros still divides") {
  at::manual_seed(4);
  at::Tensor w = random({6, 32});
  w.select(0, 2).zero_();
  const at::Tensor squares = ops::square_norms(w);
  const at::Tensor norms = ops::updated_norms(w, squares, {random({4, 32}), at::zeros({6, 4}), 2.0, 0, 0});
  CHECK(norms.equal(squares.clamp_min(1e-24).sqrt()));
  CHECK(norms.min().item<float>() > 0);
}

TEST_CASE("row scaling and its backward agree with the plain operations") {
  at::manual_seed(5);
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const at::Tensor norms = at::rand({48}) + 0.5;
    const std::vector<at::Tensor> inputs = {random({37, 48}, type), at::rand({48}) + 0.5, random({48}, type)};
    tests::check_against_plain([&](const auto& t) { return ops::RowScale::forward(t[0], t[1], norms, t[2]); },
                               [&](const auto& t) { return ops::RowScale::plain(t[0], t[1], norms, t[2]); },
                               inputs, tests::tolerance_of(type));
    tests::check_against_plain(
        [&](const auto& t) { return ops::RowScale::forward(t[0], t[1], norms, at::Tensor()); },
        [&](const auto& t) { return ops::RowScale::plain(t[0], t[1], norms, at::Tensor()); },
        {inputs[0], inputs[1]}, tests::tolerance_of(type));
  }
}

TEST_CASE("DoRA's gradients agree with finite differences in fp64") {
  at::manual_seed(6);
  const auto wide = at::TensorOptions(at::kDouble);
  const at::Tensor norms = at::rand({5}, wide) + 0.5, z = at::randn({3, 5}, wide),
                   weights = at::randn({3, 5}, wide);
  at::Tensor magnitude = (at::rand({5}, wide) + 0.5).requires_grad_(true);
  const auto value = [&](const at::Tensor& m) {
    return (ops::RowScale::forward(z, m, norms, at::Tensor()) * weights).sum();
  };
  value(magnitude).backward();
  for (int64_t i = 0; i < 5; ++i) {
    const at::Tensor step = at::zeros({5}, wide);
    step[i] = 1e-6;
    const double slope = ((value(magnitude + step) - value(magnitude - step)) / 2e-6).detach().item<double>();
    CHECK(magnitude.grad()[i].item<double>() == Approx(slope).epsilon(1e-6));
  }
}

TEST_CASE("DoRA in one pass over the weights agrees with fp32, forward and backward") {
  if (!ops::has_panel_gemm()) {
    WARN("skipped: this processor has no AVX-512 BF16");
    return;
  }
  at::manual_seed(11);
  for (const int64_t rank : {3, 8}) {
    for (const double dropout : {0.0, 0.3}) {
      CAPTURE(rank, dropout);
      const at::Tensor w = random({200, 96}, at::kBFloat16), squares = ops::square_norms(w);
      const auto op = [&](bool fused) {
        return [&, fused](const std::vector<at::Tensor>& in) {
          const ops::LowRank update{in[1], in[2], 0.5, dropout, 7};
          if (fused) return ops::DoraLinear::forward(in[0], w, update, in[3], squares);
          const at::Tensor z = ops::Linear::plain(in[0], w, {}, &update);
          return ops::RowScale::plain(z, in[3], ops::updated_norms(w, squares, update), {});
        };
      };
      REQUIRE(ops::DoraLinear::takes(random({33, 96}, at::kBFloat16), w));
      check_against_plain(op(true), op(false),
                          {random({33, 96}, at::kBFloat16), random({rank, 96}) * 0.2,
                           random({200, rank}) * 0.2, at::rand({200}) * 10 + 1},
                          tolerance_of(at::kBFloat16));
    }
  }
}
