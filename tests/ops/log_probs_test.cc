// Log-probabilities of tokens under the output head: against the plain twin, finite differences, chunks.
#include "gradcheck.h"
#include "ops/linear_log_probs.h"

using namespace swift;
using namespace swift::tests;
using at::Tensor;

namespace {

// Every third label ignored.
Tensor labels_for(int64_t tokens, int64_t vocab) {
  Tensor labels = at::randint(vocab, {tokens}, at::kLong);
  for (int64_t t = 0; t < tokens; t += 3) labels[t] = ops::kIgnoreLabel;
  return labels;
}

}  // namespace

TEST_CASE(
    "log-probabilities and their gradients agree with the plain twin, with a frozen and a trained head") {
  at::manual_seed(11);
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const double temperature : {1.0, 0.7}) {
      CAPTURE(type, temperature);
      const Tensor h = random({37, 16}, type), w = random({53, 16}, type), labels = labels_for(37, 53);
      const auto trained = [&](auto op) {
        return [&, op](const std::vector<Tensor>& in) {
          return op(in[0], in[1], labels, temperature, Tensor());
        };
      };
      check_against_plain(trained(ops::LinearLogProbs::forward), trained(ops::LinearLogProbs::plain), {h, w},
                          tolerance_of(type));
      const auto frozen = [&](auto op) {
        return [&, op](const std::vector<Tensor>& in) { return op(in[0], w, labels, temperature, Tensor()); };
      };
      check_against_plain(frozen(ops::LinearLogProbs::forward), frozen(ops::LinearLogProbs::plain), {h},
                          tolerance_of(type));
    }
  }
}

TEST_CASE("the gradient of log-probabilities is that of finite differences") {
  at::manual_seed(12);
  const Tensor h = at::randn({5, 6}), w = at::randn({9, 6}), factors = at::randn({5});
  const Tensor labels = labels_for(5, 9);
  const auto value = [&](const Tensor& x) {
    return (ops::LinearLogProbs::plain(x.to(at::kDouble), w.to(at::kDouble), labels) * factors).sum();
  };
  const Tensor leaf = h.clone().requires_grad_(true);
  (ops::LinearLogProbs::forward(leaf, w, labels) * factors).sum().backward();
  for (int64_t i = 0; i < h.numel(); ++i) {
    Tensor up = h.to(at::kDouble).clone(), down = up.clone();
    up.view({-1})[i] += 1e-5, down.view({-1})[i] -= 1e-5;
    const double slope = (value(up) - value(down)).item<double>() / 2e-5;
    CHECK(leaf.grad().view({-1})[i].item<double>() == Approx(slope).margin(1e-4));
  }
}

TEST_CASE("entropies are those of the softmax at the temperature, and change no gradient") {
  at::manual_seed(13);
  const Tensor h = at::randn({12, 8}), w = at::randn({300, 8}) * 2, labels = labels_for(12, 300);
  const Tensor got = at::empty({12}), want = at::empty({12});
  const Tensor leaf = h.clone().requires_grad_(true), other = h.clone().requires_grad_(true);
  ops::LinearLogProbs::forward(leaf, w, labels, 0.8, got).sum().backward();
  ops::LinearLogProbs::plain(h, w, labels, 0.8, want);
  ops::LinearLogProbs::forward(other, w, labels, 0.8).sum().backward();
  CHECK(relative(got, want) < 1e-5);
  CHECK(at::equal(leaf.grad(), other.grad()));
}

TEST_CASE("log-probabilities of several chunks are those of one, and a row depends on itself alone") {
  at::manual_seed(14);
  const int64_t vocab = 60'000, tokens = 1700;  // 16 rows at least: more than one chunk
  const Tensor h = at::randn({tokens, 4}), w = at::randn({vocab, 4}), labels = labels_for(tokens, vocab);
  REQUIRE(ops::cross_entropy_chunk_rows(tokens, vocab) < tokens / 2);
  const Tensor all = ops::LinearLogProbs::forward(h, w, labels);
  const Tensor few = ops::LinearLogProbs::forward(h.narrow(0, 1000, 50), w, labels.narrow(0, 1000, 50));
  CHECK(relative(all.narrow(0, 1000, 50), few) < 1e-6);
}
