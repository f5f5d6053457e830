// Attention over blocks: remainders, head sizes, independence of other samples and of threads.
#include "ops/attention.h"

#include <ATen/Parallel.h>

#include "gradcheck.h"

using namespace swift;
using namespace swift::tests;

namespace {

struct Inputs {
  at::Tensor q, k, v;
};

Inputs inputs(int64_t tokens, int64_t heads, int64_t kv_heads, int64_t head_dim) {
  return {random({tokens, heads, head_dim}, at::kBFloat16),
          random({tokens, kv_heads, head_dim}, at::kBFloat16),
          random({tokens, kv_heads, head_dim}, at::kBFloat16)};
}

// Output and the three gradients for a fixed incoming gradient.
std::vector<at::Tensor> run(const Inputs& in, const std::vector<int32_t>& bounds, const at::Tensor& grad) {
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& t : {in.q, in.k, in.v}) leaves.push_back(t.detach().clone().requires_grad_(true));
  const at::Tensor out = ops::PackedAttention::forward(leaves[0], leaves[1], leaves[2], bounds, 0.125);
  out.backward(grad);
  return {out.detach(), leaves[0].grad(), leaves[1].grad(), leaves[2].grad()};
}

}  // namespace

TEST_CASE("attention agrees with fp32 where samples end inside, at and behind a block") {
  at::manual_seed(3);
  for (const int64_t head_dim : {16, 64, 128}) {
    for (const std::vector<int32_t>& bounds :
         {std::vector<int32_t>{0, 31, 63, 95, 96}, {0, 32, 96, 160}, {0, 33, 98, 99, 299}}) {
      CAPTURE(head_dim, bounds.size());
      const Inputs in = inputs(bounds.back(), 4, 2, head_dim);
      const at::Tensor grad = random(in.q.sizes(), at::kBFloat16);
      std::vector<at::Tensor> wide;
      for (const at::Tensor& t : {in.q, in.k, in.v}) wide.push_back(t.to(at::kFloat).requires_grad_(true));
      const at::Tensor want = ops::PackedAttention::plain(wide[0], wide[1], wide[2], bounds, 0.125);
      want.backward(grad.to(at::kFloat));
      const auto got = run(in, bounds, grad);
      CHECK(relative(got[0], want.detach()) < 1e-2);
      for (size_t i = 0; i < 3; ++i) {
        CAPTURE(i);
        CHECK(relative(got[i + 1], wide[i].grad()) < 1e-2);
      }
    }
  }
}

TEST_CASE("a sample's attention does not depend on what else is packed, bit for bit") {
  at::manual_seed(4);
  const std::vector<int32_t> bounds = {0, 40, 140, 141};
  const Inputs all = inputs(141, 4, 2, 32);
  const at::Tensor grad = random(all.q.sizes(), at::kBFloat16);
  const auto packed = run(all, bounds, grad);
  for (size_t s = 0; s + 1 < bounds.size(); ++s) {
    const int64_t first = bounds[s], length = bounds[s + 1] - first;
    const auto cut = [&](const at::Tensor& t) { return t.narrow(0, first, length).contiguous(); };
    const auto alone =
        run({cut(all.q), cut(all.k), cut(all.v)}, {0, static_cast<int32_t>(length)}, cut(grad));
    for (size_t i = 0; i < alone.size(); ++i) CHECK(at::equal(alone[i], cut(packed[i])));
  }
}

TEST_CASE("attention on one thread equals attention on two, bit for bit") {
  at::manual_seed(5);
  const Inputs in = inputs(150, 6, 3, 32);
  const at::Tensor grad = random(in.q.sizes(), at::kBFloat16);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = run(in, {0, 50, 150}, grad);
  at::set_num_threads(2);
  const auto two = run(in, {0, 50, 150}, grad);
  at::set_num_threads(threads);
  for (size_t i = 0; i < one.size(); ++i) CHECK(at::equal(one[i], two[i]));
}
