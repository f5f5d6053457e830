// GaLore and Q-GaLore: what the reference implementations get wrong, and what a user can get wrong.
#include <catch2/catch.hpp>

#include "base/error.h"
#include "ops/int8_weight.h"
#include "optimizer_cases.h"
#include "train/optimizers/group_quant.h"
#include "train/optimizers/projection.h"

using namespace swift;
using namespace swift::tests;

namespace {

at::Tensor state_of(const train::Optimizer& optimizer, const std::string& name) {
  for (const auto& [one, tensor] : optimizer.state()) {
    if (one == name) return tensor;
  }
  FAIL("no state " << name);
  return {};
}

std::unique_ptr<train::Optimizer> one_matrix(std::string_view optim,
                                             const train::OptimizerSettings& settings) {
  return train::make_optimizer(optim, make_parameters({{"q_proj.weight", {24, 16}, true}}), settings);
}

}  // namespace

TEST_CASE("singular vectors are orthonormal, span the best space and have a fixed sign") {
  for (const auto& sizes : {std::vector<int64_t>{24, 16}, {16, 24}, {16, 16}}) {
    const at::Tensor matrix = noise(sizes, 3);
    const auto [u, s, vh] = at::linalg_svd(matrix.to(at::kDouble), false);
    const at::Tensor left = train::left_vectors(matrix, 5), right = train::right_vectors(matrix, 5);
    CHECK(at::allclose(left.t().mm(left), at::eye(5), 0, 1e-5));
    CHECK(at::allclose(right.mm(right.t()), at::eye(5), 0, 1e-5));
    CHECK(
        at::allclose(u.slice(1, 0, 5).t().mm(left.to(at::kDouble)).abs(), at::eye(5, at::kDouble), 0, 1e-4));
    CHECK(at::allclose(vh.slice(0, 0, 5).mm(right.t().to(at::kDouble)).abs(), at::eye(5, at::kDouble), 0,
                       1e-4));
    // The sign does not depend on that of the matrix: moments meet the same axis again.
    CHECK(at::allclose(train::left_vectors(-matrix, 5), left, 0, 1e-5));
    CHECK(at::allclose(train::right_vectors(-matrix, 5), right, 0, 1e-5));
  }
}

TEST_CASE("a gradient of zeros or of low rank leaves everything finite") {
  for (const char* name : {"galore_adamw", "galore_adamw_8bit", "q_galore"}) {
    CAPTURE(name);
    const auto optimizer = one_matrix(name, small_settings());
    const at::Tensor row = noise({1, 16}, 5);
    for (const at::Tensor& grad : {at::zeros({24, 16}), at::ones({24, 1}).mm(row)}) {
      optimizer->parameters()[0].value.mutable_grad() = grad;
      optimizer->step(0.01);
      CHECK(optimizer->parameters()[0].value.detach().isfinite().all().item<bool>());
    }
  }
}

TEST_CASE("full rank and scale 1 make GaLore Adam in a rotated space, and project back exactly") {
  const at::Tensor matrix = noise({24, 16}, 7);
  for (const train::Side side : {train::Side::right, train::Side::full}) {
    const train::Basis basis = train::basis_of(matrix, side, 16);
    CHECK(at::allclose(train::project_back(basis, train::project(basis, matrix)), matrix, 0, 1e-5));
  }
}

TEST_CASE("the projection is renewed at every gap, counted in updates") {
  auto settings = small_settings();
  settings.galore.update_gap = 3;
  const auto optimizer = one_matrix("galore_adamw", settings);
  std::vector<int64_t> renewed;
  at::Tensor last = at::zeros({4, 16});
  for (int64_t step = 0; step < 9; ++step) {
    set_gradients(*optimizer, step);
    optimizer->step(0.01);
    const at::Tensor now = state_of(*optimizer, "projection_right.q_proj.weight").clone();
    if (!now.equal(last)) renewed.push_back(step);
    last = now;
  }
  CHECK(renewed == std::vector<int64_t>{0, 3, 6});
}

TEST_CASE("Q-GaLore renews less often while the subspace stays, whatever the sign of its vectors") {
  auto settings = small_settings();
  settings.galore.update_gap = 1;
  settings.galore.queue_size = 2;
  const auto optimizer = one_matrix("q_galore", settings);
  const auto calendar = [&] { return state_of(*optimizer, "calendar.q_proj.weight").clone(); };
  for (int64_t step = 0; step < 12; ++step) {
    // Every other gradient is negated: the same subspace.
    optimizer->parameters()[0].value.mutable_grad() = noise({24, 16}, 5) * (step % 2 == 0 ? 1 : -1);
    optimizer->step(0.01);
  }
  // Renewed at 0, 1, 2 (two similarities: gap 2), 4 (gap 4), 8 (gap 8).
  CHECK(calendar()[2].item<int64_t>() == 5);
  CHECK(calendar()[1].item<int64_t>() == 8);
  CHECK(calendar()[0].item<int64_t>() == 16);
}

TEST_CASE("Q-GaLore keeps renewing a subspace that moves") {
  auto settings = small_settings();
  settings.galore.update_gap = 1;
  settings.galore.queue_size = 2;
  settings.galore.cosine_threshold = 0.99;
  const auto optimizer = one_matrix("q_galore", settings);
  for (int64_t step = 0; step < 8; ++step) {
    // The first singular vector is another axis at every step.
    at::Tensor grad = at::zeros({24, 16});
    grad[step][step] = 1;
    optimizer->parameters()[0].value.mutable_grad() = grad;
    optimizer->step(0.01);
  }
  CHECK(state_of(*optimizer, "calendar.q_proj.weight")[2].item<int64_t>() == 8);
}

TEST_CASE("INT4 and INT8 keep a group that does not straddle zero") {
  const at::Tensor values = at::linspace(1.0, 1.1, 33);
  train::Int4Tensor int4 = train::int4_zeros(33, 16, values.options());
  train::int4_encode(values, 16, int4);
  CHECK((train::int4_decode(int4, 16, {33}) - values).abs().max().item<double>() < 1.1 / 15);
  ops::Int8Tensor int8 = ops::int8_zeros({33}, 16, values.options());
  ops::int8_encode(values, 16, nullptr, int8);
  CHECK((ops::int8_decode(int8, 16) - values).abs().max().item<double>() < 1.1 / 127);
}

TEST_CASE("INT4 packs two values a byte, odd counts and groups that end within a byte too") {
  for (const int64_t count : {1, 7, 32, 45}) {
    for (const int64_t group : {3, 16, 64}) {
      CAPTURE(count, group);
      const at::Tensor values = noise({count, 1}, 11).flatten();
      train::Int4Tensor store = train::int4_zeros(count, group, values.options());
      CHECK(store.codes.numel() == (count + 1) / 2);
      train::int4_encode(values, group, store);
      CHECK((train::int4_decode(store, group, {count}) - values).abs().max().item<double>() <= 1.0 / 15);
    }
  }
}

TEST_CASE("stochastic rounding is right on average, keeps what is on the grid, and repeats for its key") {
  const int64_t count = 100000;
  at::Tensor values = at::full({count}, 0.3F);
  values[0] = 127.0F;  // the group's scale is 1
  ops::Int8Tensor store = ops::int8_zeros({count}, count, values.options());
  const base::Stream noise_stream(1, base::Purpose::rounding, 2), other(1, base::Purpose::rounding, 3);
  ops::int8_encode(values, count, &noise_stream, store);
  const at::Tensor rounded = ops::int8_decode(store, count);
  CHECK(rounded.slice(0, 1).mean().item<double>() == Approx(0.3).margin(0.01));
  CHECK(rounded[0].item<double>() == 127.0);
  ops::Int8Tensor again = ops::int8_zeros({count}, count, values.options());
  ops::int8_encode(values, count, &noise_stream, again);
  CHECK(again.codes.equal(store.codes));
  ops::int8_encode(values, count, &other, again);
  CHECK_FALSE(again.codes.equal(store.codes));
  ops::int8_encode(rounded, count, &other, again);
  CHECK(again.codes.equal(store.codes));
}

TEST_CASE("weights of Q-GaLore lie on their INT8 grid and still follow updates below its spacing") {
  auto settings = small_settings();
  settings.weight_decay = 0;
  const auto optimizer = one_matrix("q_galore", settings);
  const at::Tensor start = optimizer->parameters()[0].value.detach().clone();
  const at::Tensor grad = noise({24, 16}, 5);
  for (int i = 0; i < 100; ++i) {
    optimizer->parameters()[0].value.mutable_grad() = grad;
    optimizer->step(1e-4);  // a fortieth of the spacing of most groups
  }
  const at::Tensor value = optimizer->parameters()[0].value.detach();
  const at::Tensor codes = state_of(*optimizer, "weight_int8.q_proj.weight");
  const at::Tensor scales = state_of(*optimizer, "weight_scales.q_proj.weight");
  CHECK(value.equal((codes.to(at::kFloat).view({-1, 16}) * scales.unsqueeze(1)).view({24, 16})));
  const double against = ((value - start) * grad).sum().item<double>();
  CHECK(against < 0);
}

TEST_CASE("a target that matches nothing and a rank above a matrix are refused by name") {
  auto settings = small_settings();
  settings.galore.targets = {"q_porj"};
  CHECK_THROWS_WITH(one_matrix("galore_adamw", settings), Catch::Contains("did you mean 'q_proj'?"));
  settings.galore.targets = {"q_proj"};
  CHECK_NOTHROW(one_matrix("galore_adamw", settings));
  settings.galore.rank = 17;
  for (const char* name : {"galore_adamw", "q_galore"})
    CHECK_THROWS_WITH(one_matrix(name, settings), Catch::Contains("above the shorter side of q_proj.weight"));
}
