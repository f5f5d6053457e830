// Each operation on the kernels of a GPU against its plain twin on the CPU, gradients too.
#include "device/host_device.h"
#include "gradcheck.h"
#include "model/experts.h"
#include "ops/attention.h"
#include "ops/device_ops.h"
#include "ops/dropout.h"
#include "ops/embedding.h"
#include "ops/linear.h"
#include "ops/linear_cross_entropy.h"
#include "ops/linear_log_probs.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"
#include "ops/swiglu.h"

using namespace swift;
using tests::check_against_plain;
using tests::host_device;
using tests::random;
using tests::relative;
using tests::tolerance_of;

namespace {

constexpr std::array<at::ScalarType, 2> kTypes = {at::kFloat, at::kBFloat16};

}  // namespace

TEST_CASE("on a device, norms, gates and rotation agree with their plain twins") {
  at::manual_seed(1);
  for (const auto type : kTypes) {
    CAPTURE(type);
    check_against_plain([](const auto& t) { return ops::RmsNorm::forward(t[0], t[1], 1e-6); },
                        [](const auto& t) { return ops::RmsNorm::plain(t[0], t[1], 1e-6); },
                        {random({5, 3, 72}, type), random({72}, type)}, tolerance_of(type), host_device());
    check_against_plain([](const auto& t) { return ops::SwiGlu::forward(t[0], t[1]); },
                        [](const auto& t) { return ops::SwiGlu::plain(t[0], t[1]); },
                        {random({7, 50}, type), random({7, 50}, type)}, tolerance_of(type), host_device());
    const at::Tensor angle = at::rand({6, 16}) * 3;
    const at::Tensor cos = angle.cos().to(host_device()), sin = angle.sin().to(host_device());
    check_against_plain([&](const auto& t) { return ops::Rope::forward(t[0], cos, sin); },
                        [&](const auto& t) { return ops::Rope::plain(t[0], angle.cos(), angle.sin()); },
                        {random({6, 3, 32}, type)}, tolerance_of(type), host_device());
  }
}

TEST_CASE("on a device, dropout has the CPU's mask") {
  at::manual_seed(2);
  for (const auto type : kTypes) {
    const at::Tensor x = random({13, 31}, type), want = ops::keyed_dropout(x, 0.3, 77);
    CHECK(at::equal(ops::keyed_dropout(x.to(host_device()), 0.3, 77).cpu(), want));
  }
}

TEST_CASE("on a device, the gradient of embeddings is that of the plain operation, and the same each time") {
  at::manual_seed(9);
  const at::Tensor ids = at::randint(0, 37, {90}, at::kLong), there = ids.to(host_device());
  for (const auto type : kTypes) {
    for (const int64_t hidden : {5, 72}) {
      CAPTURE(type, hidden);
      const at::Tensor table = random({41, hidden}, type);
      check_against_plain([&](const auto& t) { return ops::Embedding::forward(t[0], there); },
                          [&](const auto& t) { return at::embedding(t[0], ids); }, {table},
                          tolerance_of(type), host_device());
      const at::Tensor dy = random({90, hidden}, type).to(host_device());
      const auto gradient = [&] { return ops::device_ops(dy)->embedding_gradient(dy, there, 41).cpu(); };
      CHECK(at::equal(gradient(), gradient()));
    }
  }
}

TEST_CASE("on a device, packed attention agrees with its plain twin, behind shared prefixes too") {
  at::manual_seed(3);
  const std::vector<int32_t> bounds = {0, 19, 40, 41, 70};
  for (const int64_t head_dim : {24, 64}) {
    for (const std::vector<uint8_t>& continues : {std::vector<uint8_t>{}, {0, 1, 1, 0}}) {
      CAPTURE(head_dim, continues.size());
      check_against_plain(
          [&](const auto& t) {
            return ops::PackedAttention::forward(t[0], t[1], t[2], bounds, 0.2, continues);
          },
          [&](const auto& t) {
            return ops::PackedAttention::plain(t[0], t[1], t[2], bounds, 0.2, continues);
          },
          {random({70, 4, head_dim}, at::kBFloat16), random({70, 2, head_dim}, at::kBFloat16),
           random({70, 2, head_dim}, at::kBFloat16)},
          tolerance_of(at::kBFloat16), host_device());
    }
  }
}

TEST_CASE("on a device, the losses of tokens agree with their plain twins") {
  at::manual_seed(4);
  const at::Tensor labels = at::randint(0, 77, {23}, at::kLong);
  labels.index_put_({at::arange(3, 20, 4)}, at::scalar_tensor(ops::kIgnoreLabel, at::kLong));
  const ops::TokenTerms weighted{at::rand({23}) + 0.5, {}};
  for (const auto type : kTypes) {
    for (const ops::LossShape& shape :
         {ops::LossShape{}, {0.1, 0.0, false}, {0.05, 1e-3, false}, {0, 0, true}}) {
      CAPTURE(type, shape.label_smoothing, shape.z_loss, shape.dft);
      check_against_plain(
          [&](const auto& t) {
            return ops::LinearCrossEntropy::forward(t[0], t[1], labels, 0.25, shape, weighted);
          },
          [&](const auto& t) {
            return ops::LinearCrossEntropy::plain(t[0], t[1], labels, 0.25, shape, weighted);
          },
          {random({23, 40}, type), random({77, 40}, type) * 0.3}, tolerance_of(type), host_device());
    }
    for (const double temperature : {1.0, 0.7}) {
      CAPTURE(type, temperature);
      const at::Tensor got = at::empty({23}), want = at::empty({23});
      check_against_plain(
          [&](const auto& t) { return ops::LinearLogProbs::forward(t[0], t[1], labels, temperature, got); },
          [&](const auto& t) { return ops::LinearLogProbs::plain(t[0], t[1], labels, temperature, want); },
          {random({23, 40}, type), random({77, 40}, type) * 0.3}, tolerance_of(type), host_device());
      CHECK(relative(got, want) < tolerance_of(type).forward);
    }
  }
}

TEST_CASE("on a device, a linear with a low-rank update and dropout agrees with its plain twin") {
  at::manual_seed(7);
  for (const auto type : {at::kBFloat16, at::kHalf, at::kFloat}) {
    for (const int64_t rank : {8, 5, 16}) {
      for (const double dropout : {0.0, 0.2}) {
        CAPTURE(type, rank, dropout);
        const auto update = [&](const std::vector<at::Tensor>& t) {
          return ops::LowRank{t[2], t[3], 0.5, dropout, 99};
        };
        check_against_plain(
            [&](const auto& t) {
              const auto own = update(t);
              return ops::Linear::forward(t[0], t[1], {}, &own);
            },
            [&](const auto& t) {
              const auto own = update(t);
              return ops::Linear::plain(t[0], t[1], {}, &own);
            },
            {random({37, 48}, type), random({24, 48}, type) * 0.2, random({rank, 48}) * 0.3,
             random({24, rank}) * 0.3},
            type == at::kFloat ? tests::Tolerance{1e-5, 1e-4} : tests::Tolerance{2e-2, 3e-2}, host_device());
      }
    }
  }
}

TEST_CASE("on a device, experts agree with those that are run one by one") {
  at::manual_seed(8);
  constexpr int64_t kExperts = 6, kHidden = 32, kInner = 24;
  for (const auto type : {at::kBFloat16, at::kHalf}) {
    const at::Tensor gate_up = random({kExperts, 2 * kInner, kHidden}, type) * 0.2;
    const at::Tensor down = random({kExperts, kHidden, kInner}, type) * 0.2;
    std::vector<model::Expert> experts(kExperts);
    for (int64_t e = 0; e < kExperts; ++e) {
      auto& expert = experts[static_cast<size_t>(e)];
      expert.gate.weight = gate_up[e].narrow(0, 0, kInner);
      expert.up.weight = gate_up[e].narrow(0, kInner, kInner);
      expert.down.weight = down[e];
    }
    const at::NoGradGuard no_grad;
    for (const int64_t tokens : {1, 7, 130}) {
      for (const bool normalize : {false, true}) {
        CAPTURE(type, tokens, normalize);
        const at::Tensor y = random({tokens, kHidden}, type), scores = random({tokens, kExperts}, type);
        const model::MoeSpec spec{kExperts, 2, kInner, normalize, {true}};
        const at::Tensor want = model::mix_experts(y, scores, experts, spec, 0, nullptr, 0);
        const ops::JoinedExperts joined{gate_up.to(host_device()), down.to(host_device()), 2, normalize};
        const at::Tensor there = y.to(host_device());
        CHECK(relative(ops::device_ops(there)->mix_experts(there, scores.to(host_device()), joined), want) <
              0.02);
      }
    }
  }
}
