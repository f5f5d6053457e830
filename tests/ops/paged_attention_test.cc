#include "ops/paged_attention.h"

#include "gradcheck.h"
#include "ops/attention.h"
#include "ops/gemm.h"

using namespace swift;
using namespace swift::tests;

namespace {

struct Sequence {
  at::Tensor q, k, v;  // (tokens, heads | kv_heads, head_dim)
  std::vector<int32_t> blocks;
};

Sequence sequence(int64_t tokens, int64_t head_dim, std::vector<int32_t> blocks) {
  return {random({tokens, 4, head_dim}, at::kBFloat16), random({tokens, 2, head_dim}, at::kBFloat16),
          random({tokens, 2, head_dim}, at::kBFloat16), std::move(blocks)};
}

// Runs [start, start + count) of every sequence as one batch.
std::vector<at::Tensor> step(ops::KvBlocks& cache, const std::vector<const Sequence*>& sequences,
                             const std::vector<int64_t>& starts, const std::vector<int64_t>& counts) {
  std::vector<at::Tensor> q, k, v;
  std::vector<ops::KvSegment> segments;
  int64_t first = 0;
  for (size_t i = 0; i < sequences.size(); ++i) {
    const Sequence& s = *sequences[i];
    q.push_back(s.q.narrow(0, starts[i], counts[i]));
    k.push_back(s.k.narrow(0, starts[i], counts[i]));
    v.push_back(s.v.narrow(0, starts[i], counts[i]));
    segments.push_back({first, counts[i], starts[i], s.blocks});
    first += counts[i];
  }
  const at::Tensor all = at::cat(q);
  const at::Tensor out = ops::PagedAttention::extend(cache, 1, all, at::cat(k), at::cat(v), segments, 0.125);
  ops::PagedAttention::store(cache, 1, at::cat(k), at::cat(v), segments);
  CHECK(at::equal(out, ops::PagedAttention::forward(cache, 1, all, segments, 0.125)));
  CHECK(relative(out, ops::PagedAttention::plain(cache, 1, all, segments, 0.125)) < 1e-2);
  std::vector<at::Tensor> parts;
  for (const ops::KvSegment& s : segments) parts.push_back(out.narrow(0, s.first, s.count).clone());
  return parts;
}

}  // namespace

TEST_CASE("paged attention equals its plain twin and the packed attention of training") {
  at::manual_seed(21);
  for (const int64_t head_dim : {16, 64, 128}) {
    CAPTURE(head_dim);
    ops::KvBlocks cache(2, 8, 2, head_dim);
    const Sequence s = sequence(150, head_dim, {5, 0, 3});
    const at::Tensor whole = step(cache, {&s}, {0}, {150})[0];
    const at::Tensor packed = ops::PackedAttention::forward(s.q, s.k, s.v, {0, 150}, 0.125);
    // Bit for bit where training runs on our own kernel.
    CHECK((ops::has_panel_gemm() ? at::equal(whole, packed) : relative(whole, packed) < 1e-2));
  }
}

TEST_CASE("a sequence's attention does not depend on the batch or on how it is cut, bit for bit") {
  at::manual_seed(22);
  ops::KvBlocks cache(2, 16, 2, 32), other(2, 16, 2, 32);
  const Sequence a = sequence(200, 32, {1, 2, 3, 4}), b = sequence(130, 32, {9, 8, 7});
  const at::Tensor whole = step(cache, {&a}, {0}, {200})[0];
  std::vector<at::Tensor> parts;
  parts.push_back(step(other, {&b, &a}, {0, 0}, {129, 70})[1]);
  parts.push_back(step(other, {&a}, {70}, {60})[0]);
  parts.push_back(step(other, {&a, &b}, {130, 129}, {1, 1})[0]);
  parts.push_back(step(other, {&a}, {131}, {69})[0]);
  CHECK(at::equal(whole, at::cat(parts)));
}
