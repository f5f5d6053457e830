// Each operation on the kernels of a GPU against its plain twin on the CPU, gradients too.
#include "device/host_device.h"
#include "gradcheck.h"
#include "ops/attention.h"
#include "ops/dropout.h"
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
