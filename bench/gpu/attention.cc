#include "cuda/attention.h"

#include <cmath>
#include <numeric>

#include "aten.h"
#include "cuda/attention_hopper.h"
#include "families.h"

namespace swift::gpu_bench {
namespace {

constexpr int kHeads = 32, kKvHeads = 8;

struct Packed {
  aten::AttentionShape s;
  Array q, k, v, out;
  Table<int32_t> starts;

  static std::vector<int32_t> starts_of(const aten::AttentionShape& s) {
    std::vector<int32_t> starts;
    for (int64_t b = 0; b <= s.batch; ++b) starts.push_back(static_cast<int32_t>(b * s.tokens));
    return starts;
  }
  static size_t values(const aten::AttentionShape& s, int64_t heads) {
    return static_cast<size_t>(s.batch * s.tokens * heads * s.head_dim);
  }
  explicit Packed(const aten::AttentionShape& shape)
      : s(shape),
        q(Type::bfloat16, 1, values(s, s.heads)),
        k(Type::bfloat16, 1, values(s, s.kv_heads)),
        v(Type::bfloat16, 1, values(s, s.kv_heads)),
        out(Type::bfloat16, 1, values(s, s.heads)),
        starts(starts_of(s)) {}

  cuda::Attention arguments() const {
    cuda::Attention a{};
    a.type = Type::bfloat16;
    a.q = q.at(0);
    a.keys = k.at(0);
    a.values = v.at(0);
    a.query_starts = a.key_starts = starts.data();
    a.sequences = static_cast<int>(s.batch);
    a.longest_query = a.longest_key = static_cast<int>(s.tokens);
    a.query_tokens = static_cast<int>(s.batch * s.tokens);
    a.heads = static_cast<int>(s.heads);
    a.kv_heads = static_cast<int>(s.kv_heads);
    a.head_dim = static_cast<int>(s.head_dim);
    a.scale = 1 / std::sqrt(static_cast<float>(s.head_dim));
    a.causal = true;
    a.key_tokens = a.query_tokens;
    return a;
  }
  // Two products over the half that is seen.
  double flops() const {
    return 2.0 * static_cast<double>(s.batch * s.heads * s.head_dim) * static_cast<double>(s.tokens) *
           static_cast<double>(s.tokens);
  }
  std::string what() const {
    return std::to_string(s.batch) + " x " + std::to_string(s.tokens) + " causal, 32 and 8 heads of " +
           std::to_string(s.head_dim) + ", bf16";
  }
};

using Forward = void (*)(const cuda::Attention& a, void* out, float* log_sums, cuda::Stream stream);

void forward(Bench& bench, const char* kernel, Forward run, const aten::AttentionShape& shape,
             const std::vector<Target>& targets) {
  const Packed p(shape);
  Case c;
  c.row = {.kernel = kernel, .what = p.what(), .flops = p.flops(), .library = "SDPA", .targets = targets};
  c.ours = [&](int) { run(p.arguments(), p.out.at(0), nullptr, nullptr); };
  c.theirs = [&](Row&) { return aten::attention(p.q, p.k, p.v, shape); };
  bench.measure(c, 1);
}

// Five products for the two of forward.
void backward(Bench& bench, const aten::AttentionShape& shape) {
  const Packed p(shape);
  const size_t rows = static_cast<size_t>(shape.batch * shape.tokens * shape.heads);
  const Array d_out(Type::bfloat16, 1, p.q.count()), dq(Type::bfloat16, 1, p.q.count()),
      dk(Type::bfloat16, 1, p.k.count()), dv(Type::bfloat16, 1, p.k.count()),
      log_sums(Type::float32, 1, rows), dots(Type::float32, 1, rows);
  cuda::attention_forward(p.arguments(), p.out.at(0), log_sums.floats(), nullptr);
  Case c;
  c.row = {.kernel = "attention backward",
           .what = p.what(),
           .flops = 2.5 * p.flops(),
           .library = "SDPA, by autograd"};
  c.ours = [&](int) {
    cuda::attention_backward({.forward = p.arguments(),
                              .out = p.out.at(0),
                              .log_sums = log_sums.floats(),
                              .d_out = d_out.at(0),
                              .dq = dq.at(0),
                              .dk = dk.at(0),
                              .dv = dv.at(0),
                              .d_sinks = nullptr,
                              .dots = dots.floats()},
                             nullptr);
  };
  c.theirs = [&](Row&) { return aten::attention_backward(p.q, p.k, p.v, d_out, shape); };
  bench.measure(c, 1);
}

// New tokens after a prefix that lies in pages, as in chunked prefill.
void after_prefix(Bench& bench, int64_t fresh, int64_t prefix) {
  constexpr int kPageTokens = 16, kHeadDim = 128;
  const int64_t length = fresh + prefix, pages = (length + kPageTokens - 1) / kPageTokens;
  const Packed p({1, fresh, kHeads, kKvHeads, kHeadDim});
  const auto kept = static_cast<size_t>(pages * kPageTokens * kKvHeads * kHeadDim);
  const Array keys(Type::bfloat16, 1, kept), values(Type::bfloat16, 1, kept);
  std::vector<int32_t> order(static_cast<size_t>(pages));
  std::iota(order.begin(), order.end(), 0);
  const Table<int32_t> table(order), lengths({static_cast<int32_t>(length)});
  cuda::Attention a = p.arguments();
  a.keys = keys.at(0);
  a.values = values.at(0);
  a.key_starts = nullptr;
  a.block_table = table.data();
  a.lengths = lengths.data();
  a.table_stride = static_cast<int>(pages);
  a.page_tokens = kPageTokens;
  a.longest_key = static_cast<int>(length);
  const double pairs =
      static_cast<double>(fresh) * (static_cast<double>(prefix) + static_cast<double>(fresh) / 2);
  Case c;
  c.row = {.kernel = "prefill attention, paged",
           .what = std::to_string(fresh) + " tokens after " + std::to_string(prefix) +
                   ", 32 and 8 heads of 128, bf16",
           .flops = 4.0 * kHeads * kHeadDim * pairs};
  c.ours = [&](int) { cuda::attention_forward(a, p.out.at(0), nullptr, nullptr); };
  bench.measure(c, 1);
}

}  // namespace

void attention(Bench& bench) {
  // What attention_forward() chooses: on sm_90a products of warpgroups, else mma.sync, which is measured too.
  const char* chosen = cuda::on_hopper() ? "prefill attention, wgmma" : "prefill attention";
  const auto both = [&](const aten::AttentionShape& shape, bool has_target) {
    const auto target = [&](double rate) {
      return has_target ? std::vector<Target>{{Measure::tera_flops, rate}} : std::vector<Target>{};
    };
    forward(bench, chosen, cuda::attention_forward, shape, target(cuda::on_hopper() ? 550 : 350));
    if (cuda::on_hopper())
      forward(bench, "prefill attention, mma.sync", cuda::attention_forward_any, shape, target(350));
  };
  both({1, 8192, kHeads, kKvHeads, 128}, true);
  both({8, 1024, kHeads, kKvHeads, 128}, false);
  both({1, 8192, kHeads, kKvHeads, 64}, false);
  both({1, 8192, kHeads, kKvHeads, 256}, false);
  backward(bench, {1, 8192, kHeads, kKvHeads, 128});
  backward(bench, {4, 2048, kHeads, kKvHeads, 128});
  after_prefix(bench, 2048, 30720);
}

}  // namespace swift::gpu_bench
