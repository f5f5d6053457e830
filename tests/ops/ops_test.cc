#include "gradcheck.h"
#include "ops/attention.h"
#include "ops/gemm.h"
#include "ops/linear.h"
#include "ops/linear_cross_entropy.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"
#include "ops/swiglu.h"

using namespace swift;
using namespace swift::tests;

namespace {
constexpr at::ScalarType kTypes[] = {at::kFloat, at::kBFloat16};
}

TEST_CASE("rms_norm equals its plain twin, forward and backward") {
  for (const auto type : kTypes) {
    for (const auto& [rows, hidden] : {std::pair{1, 8}, {5, 33}, {67, 128}}) {
      CAPTURE(rows, hidden);
      check_against_plain([](const auto& in) { return ops::RmsNorm::forward(in[0], in[1], 1e-6); },
                          [](const auto& in) { return ops::RmsNorm::plain(in[0], in[1], 1e-6); },
                          {random({rows, hidden}, type), random({hidden}, type)}, tolerance_of(type));
    }
  }
}

TEST_CASE("swiglu equals its plain twin, forward and backward") {
  for (const auto type : kTypes) {
    check_against_plain([](const auto& in) { return ops::SwiGlu::forward(in[0], in[1]); },
                        [](const auto& in) { return ops::SwiGlu::plain(in[0], in[1]); },
                        {random({13, 77}, type) * 4, random({13, 77}, type)}, tolerance_of(type));
  }
}

TEST_CASE("swiglu stays finite far from zero") {
  const at::Tensor gate = at::tensor({-1e4F, -100.0F, 0.0F, 100.0F, 1e4F});
  const at::Tensor y = ops::SwiGlu::forward(gate, at::ones({5}));
  CHECK(at::isfinite(y).all().item<bool>());
  CHECK(relative(y, at::silu(gate)) < 1e-6);
}

TEST_CASE("rope equals its plain twin, forward and backward") {
  const at::Tensor angle = at::rand({9, 16}) * 6;
  const at::Tensor cos = angle.cos(), sin = angle.sin();
  for (const auto type : kTypes) {
    check_against_plain([&](const auto& in) { return ops::Rope::forward(in[0], cos, sin); },
                        [&](const auto& in) { return ops::Rope::plain(in[0], cos, sin); },
                        {random({9, 3, 32}, type)}, tolerance_of(type));
  }
}

TEST_CASE("packed attention equals its plain twin with grouped heads and samples of one token") {
  const std::vector<int32_t> bounds = {0, 1, 8, 40, 41};
  for (const auto type : kTypes) {
    for (const int64_t kv_heads : {1, 2, 4}) {
      CAPTURE(kv_heads);
      check_against_plain(
          [&](const auto& in) { return ops::PackedAttention::forward(in[0], in[1], in[2], bounds, 0.25); },
          [&](const auto& in) { return ops::PackedAttention::plain(in[0], in[1], in[2], bounds, 0.25); },
          {random({41, 4, 16}, type), random({41, kv_heads, 16}, type), random({41, kv_heads, 16}, type)},
          tolerance_of(type));
    }
  }
}

TEST_CASE("linear equals its plain twin over odd row counts, with bias and low-rank update") {
  for (const auto type : kTypes) {
    for (const int64_t rows : {1, 3, 8, 9, 65, 130}) {
      CAPTURE(rows);
      const auto fused = [](double dropout) {
        return [dropout](const std::vector<at::Tensor>& in) {
          const ops::LowRank update{in[3], in[4], 2.0, dropout, 99};
          return ops::Linear::forward(in[0], in[1], in[2], &update);
        };
      };
      const auto plain = [](double dropout) {
        return [dropout](const std::vector<at::Tensor>& in) {
          const ops::LowRank update{in[3], in[4], 2.0, dropout, 99};
          return ops::Linear::plain(in[0], in[1], in[2], &update);
        };
      };
      const std::vector<at::Tensor> inputs = {random({rows, 48}, type), random({150, 48}, type),
                                              random({150}, type), random({4, 48}) * 0.1,
                                              random({150, 4}) * 0.1};
      check_against_plain(fused(0), plain(0), inputs, tolerance_of(type));
      check_against_plain(fused(0.25), plain(0.25), inputs, tolerance_of(type));
    }
  }
}

TEST_CASE("a low-rank update of any rank has the gradients of its plain twin") {
  for (const int64_t rank : {1, 3, 8, 17, 64}) {
    CAPTURE(rank);
    const auto op = [](const auto& run) {
      return [run](const std::vector<at::Tensor>& in) {
        const ops::LowRank update{in[2], in[3], 0.5, 0.0, 0};
        return run(in[0], in[1], at::Tensor(), &update);
      };
    };
    check_against_plain(op(&ops::Linear::forward), op(&ops::Linear::plain),
                        {random({77, 130}, at::kBFloat16), random({258, 130}, at::kBFloat16),
                         random({rank, 130}) * 0.1, random({258, rank}) * 0.1},
                        tolerance_of(at::kBFloat16));
  }
}

TEST_CASE("the bf16 products agree with fp32 for every shape of remainder") {
  for (const int64_t rows : {1, 2, 5, 8, 16, 63, 64, 65}) {
    for (const auto& [out, in] :
         {std::pair<int64_t, int64_t>{2, 2}, {128, 64}, {130, 66}, {258, 34}, {1030, 6150}}) {
      CAPTURE(rows, out, in);
      const at::Tensor x = random({rows, in}, at::kBFloat16), w = random({out, in}, at::kBFloat16);
      CHECK(relative(ops::logits(x, w), at::linear(x.to(at::kFloat), w.to(at::kFloat))) < 1e-5);
      const at::Tensor dy = random({rows, out}, at::kBFloat16);
      CHECK(relative(ops::product_nn(dy, w), at::mm(dy.to(at::kFloat), w.to(at::kFloat))) < 1e-2);
    }
  }
}

TEST_CASE("a shape that does not fit names both shapes") {
  CHECK_THROWS_WITH(ops::Linear::forward(at::zeros({2, 3}), at::zeros({4, 5}), {}, nullptr),
                    Catch::Contains("[2, 3]") && Catch::Contains("[4, 5]"));
}

TEST_CASE("dropout keeps the expected share and is a function of its key") {
  const at::Tensor x = at::ones({1000, 101});
  const at::Tensor a = ops::keyed_dropout(x, 0.3, 5);
  CHECK(a.equal(ops::keyed_dropout(x, 0.3, 5)));
  CHECK_FALSE(a.equal(ops::keyed_dropout(x, 0.3, 6)));
  CHECK((a == 0).to(at::kFloat).mean().item<double>() == Approx(0.3).margin(0.01));
  CHECK(a.mean().item<double>() == Approx(1.0).margin(0.02));
}

TEST_CASE("linear cross-entropy equals its plain twin, with ignored rows and several chunks") {
  for (const auto type : kTypes) {
    for (const int64_t vocab : {10, 5000}) {
      at::Tensor labels = at::randint(0, vocab, {70}, at::kLong);
      labels.slice(0, 0, 70, 3).fill_(ops::kIgnoreLabel);
      CAPTURE(vocab);
      check_against_plain(
          [&](const auto& in) { return ops::LinearCrossEntropy::forward(in[0], in[1], labels, 0.125); },
          [&](const auto& in) { return ops::LinearCrossEntropy::plain(in[0], in[1], labels, 0.125); },
          {random({70, 24}, type), random({vocab, 24}, type)}, tolerance_of(type));
    }
  }
}

TEST_CASE("label smoothing, z-loss and DFT equal their plain twin") {
  for (const ops::LossShape shape : {ops::LossShape{0.1, 0, false}, ops::LossShape{0, 1e-2, false},
                                     ops::LossShape{0, 0, true}, ops::LossShape{0.2, 1e-3, true}}) {
    for (const auto type : kTypes) {
      at::Tensor labels = at::randint(0, 300, {40}, at::kLong);
      labels.slice(0, 0, 40, 4).fill_(ops::kIgnoreLabel);
      CAPTURE(shape.label_smoothing, shape.z_loss, shape.dft);
      check_against_plain(
          [&](const auto& in) { return ops::LinearCrossEntropy::forward(in[0], in[1], labels, 0.25, shape); },
          [&](const auto& in) { return ops::LinearCrossEntropy::plain(in[0], in[1], labels, 0.25, shape); },
          {random({40, 24}, type), random({300, 24}, type)}, tolerance_of(type));
    }
  }
}

TEST_CASE("the loss shapes are those of torch: cross_entropy with label_smoothing") {
  const at::Tensor h = random({12, 16}), w = random({50, 16}), labels = at::randint(0, 50, {12}, at::kLong);
  const at::Tensor z = at::linear(h, w);
  const at::Tensor expected =
      at::cross_entropy_loss(z, labels, {}, at::Reduction::Sum, ops::kIgnoreLabel, 0.1);
  CHECK(ops::LinearCrossEntropy::plain(h, w, labels, 1.0, {0.1, 0, false}).item<double>() ==
        Approx(expected.item<double>()).epsilon(1e-5));
}

TEST_CASE("cross-entropy over rows that are all ignored is zero with zero gradients") {
  const at::Tensor h = random({4, 8}).requires_grad_(true);
  const at::Tensor loss =
      ops::LinearCrossEntropy::forward(h, random({6, 8}), at::full({4}, ops::kIgnoreLabel, at::kLong), 1.0);
  loss.backward();
  CHECK(loss.item<double>() == 0);
  CHECK(h.grad().abs().max().item<double>() == 0);
}
