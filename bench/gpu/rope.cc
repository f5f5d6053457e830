#include <numeric>

#include "aten.h"
#include "cuda/qk_rope.h"
#include "families.h"

namespace swift::gpu_bench {
namespace {

constexpr int kHeads = 32, kKvHeads = 8, kHeadDim = 128, kPageTokens = 16;
constexpr size_t kRow = (kHeads + 2 * kKvHeads) * kHeadDim;  // values of q, k and v of a token

aten::RopeShape shape_of(int64_t tokens) {
  return {tokens, kHeads, kKvHeads, kHeadDim};
}

void forward(Bench& bench, int64_t tokens, const std::vector<Target>& targets) {
  const auto count = static_cast<size_t>(tokens);
  const double bytes = 2.0 * kRow * static_cast<double>(tokens) * kHalf;
  const int sets = bench.sets(bytes);
  const Array qkv(Type::bfloat16, sets, count * kRow), q_out(Type::bfloat16, sets, count * kHeads * kHeadDim),
      keys(Type::bfloat16, sets, count * kKvHeads * kHeadDim),
      values(Type::bfloat16, sets, count * kKvHeads * kHeadDim), weight(Type::bfloat16, 1, kHeadDim),
      cos(Type::float32, 1, count * kHeadDim / 2), sin(Type::float32, 1, count * kHeadDim / 2);
  std::vector<int64_t> places(count);
  std::iota(places.begin(), places.end(), 0);
  const Table<int64_t> slots(places);
  Case c;
  c.row = {.kernel = "q/k-norm + RoPE + KV write",
           .what = std::to_string(tokens) + " tokens, 32 and 8 heads of 128, bf16",
           .bytes = bytes,
           .library = "ATen _fused_rms_norm, mul, cat, index_copy",
           .targets = targets};
  c.ours = [&](int set) {
    const auto* q = static_cast<const uint16_t*>(qkv.at(set));
    cuda::QkRope a{};
    a.type = Type::bfloat16;
    a.q = q;
    a.k = q + kHeads * kHeadDim;
    a.v = q + (kHeads + kKvHeads) * kHeadDim;
    a.q_stride = a.k_stride = a.v_stride = static_cast<int64_t>(kRow);
    a.q_out = q_out.at(set);
    a.q_weight = a.k_weight = weight.at(0);
    a.eps = 1e-6F;
    a.cos = cos.floats();
    a.sin = sin.floats();
    a.rotary_dim = kHeadDim;
    a.pages = {cuda::KvType::same, keys.at(set), values.at(set), nullptr, nullptr, kPageTokens};
    a.slots = slots.data();
    a.tokens = tokens;
    a.heads = kHeads;
    a.kv_heads = kKvHeads;
    a.head_dim = kHeadDim;
    cuda::qk_rope_forward(a, nullptr);
  };
  c.theirs = [&](Row&) { return aten::qk_rope(qkv, weight, cos, sin, sets, shape_of(tokens)); };
  bench.measure(c, sets);
}

void backward(Bench& bench, int64_t tokens) {
  const size_t angles = static_cast<size_t>(tokens) * kHeadDim / 2,
               count = static_cast<size_t>(tokens) * kHeads * kHeadDim;
  const double bytes = 3.0 * static_cast<double>(count) * kHalf;
  const int sets = bench.sets(bytes);
  const Array dy(Type::bfloat16, sets, count), x(Type::bfloat16, sets, count),
      dx(Type::bfloat16, sets, count), weight(Type::bfloat16, 1, kHeadDim),
      dweight(Type::bfloat16, 1, kHeadDim), cos(Type::float32, 1, angles), sin(Type::float32, 1, angles),
      partial(Type::float32, 1, static_cast<size_t>(cuda::kRopeSlices * kHeadDim));
  Case c;
  c.row = {.kernel = "q-norm + RoPE backward",
           .what = std::to_string(tokens) + " tokens, 32 heads of 128, bf16",
           .bytes = bytes,
           .library = "ATen, by autograd",
           .targets = most_of_bandwidth()};
  c.ours = [&](int set) {
    cuda::rope_backward({.type = Type::bfloat16,
                         .dy = dy.at(set),
                         .x = x.at(set),
                         .x_stride = kHeads * kHeadDim,
                         .dx = dx.at(set),
                         .dx_stride = kHeads * kHeadDim,
                         .weight = weight.at(0),
                         .dweight = dweight.at(0),
                         .partial = partial.floats(),
                         .eps = 1e-6F,
                         .cos = cos.floats(),
                         .sin = sin.floats(),
                         .positions = nullptr,
                         .rotary_dim = kHeadDim,
                         .tokens = tokens,
                         .heads = kHeads,
                         .head_dim = kHeadDim},
                        nullptr);
  };
  c.theirs = [&](Row&) { return aten::rope_backward(dy, x, weight, cos, sin, sets, shape_of(tokens)); };
  bench.measure(c, sets);
}

}  // namespace

void rope(Bench& bench) {
  forward(bench, 16384, most_of_bandwidth());
  forward(bench, 32, {{Measure::seconds, 3e-6}});
  backward(bench, 16384);
}

}  // namespace swift::gpu_bench
