#include "cuda/paged_decode.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "aten.h"
#include "families.h"

namespace swift::gpu_bench {
namespace {

constexpr int kHeads = 32, kKvHeads = 8, kPageTokens = 16;

struct Shape {
  int batch, tokens, head_dim, chunk;
  cuda::KvType kind;
};

const char* name_of(cuda::KvType kind) {
  switch (kind) {
    case cuda::KvType::same:
      return "bf16";
    case cuda::KvType::int8:
      return "int8";
    case cuda::KvType::fp8:
      return "fp8";
  }
  return "";
}

// Codes of fp8 without NaN, and bytes of int8, as bf16's bits would be: 0x38 is 1.0 in e4m3.
void plain_codes(const Array& pages, int sets) {
  for (int set = 0; set < sets; ++set)
    check(cudaMemset(pages.at(set), 0x38, pages.count() * sizeof(uint16_t)), "clearing");
}

void run(Bench& bench, const Shape& s, bool compared, const std::vector<Target>& targets) {
  const auto batch = static_cast<size_t>(s.batch), positions = batch * static_cast<size_t>(s.tokens);
  const auto dim = static_cast<size_t>(s.head_dim);
  const bool same = s.kind == cuda::KvType::same;
  const size_t values = positions * kKvHeads * dim;
  const double scale_bytes =
      s.kind == cuda::KvType::int8 ? static_cast<double>(positions * kKvHeads) * kSingle : 0;
  const double bytes = 2 * (static_cast<double>(values) * (same ? kHalf : 1) + scale_bytes);
  const int sets = bench.sets(bytes), pages = s.tokens / kPageTokens;
  const int chunks = (s.tokens + s.chunk - 1) / s.chunk;
  const size_t stored = same ? values : values / 2;
  const Array keys(Type::bfloat16, sets, stored), kept(Type::bfloat16, sets, stored),
      q(Type::bfloat16, sets, batch * kHeads * dim), out(Type::bfloat16, sets, batch * kHeads * dim),
      scales(Type::float32, 1, positions * kKvHeads, 0.01F);
  if (!same) plain_codes(keys, sets), plain_codes(kept, sets);
  std::vector<int32_t> order(batch * static_cast<size_t>(pages));
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  const Table<int32_t> table(order), lengths{std::vector<int32_t>(batch, s.tokens)};
  const size_t parts = batch * kHeads * static_cast<size_t>(chunks);
  const Array partial(Type::float32, 1, parts * dim), sums(Type::float32, 1, parts * 2);
  Case c;
  c.row = {.kernel = "paged decode attention",
           .what = std::to_string(s.batch) + " x " + std::to_string(s.tokens) +
                   " tokens, 32 and 8 heads of " + std::to_string(s.head_dim) + ", KV " + name_of(s.kind) +
                   ", chunks of " + std::to_string(s.chunk),
           .bytes = bytes,
           .library = compared ? "SDPA over dense KV" : "",
           .targets = targets};
  c.ours = [&](int set) {
    cuda::paged_decode(
        {.type = Type::bfloat16,
         .q = q.at(set),
         .pages = {s.kind, keys.at(set), kept.at(set), scales.floats(), scales.floats(), kPageTokens},
         .block_table = table.data(),
         .table_stride = pages,
         .lengths = lengths.data(),
         .out = out.at(set),
         .scale = 1 / std::sqrt(static_cast<float>(s.head_dim)),
         .window = 0,
         .soft_cap = 0,
         .sinks = nullptr,
         .partial = partial.floats(),
         .partial_sums = sums.floats(),
         .batch = s.batch,
         .heads = kHeads,
         .kv_heads = kKvHeads,
         .head_dim = s.head_dim,
         .max_chunks = chunks,
         .chunk_tokens = s.chunk},
        nullptr);
  };
  if (compared)
    c.theirs = [&](Row&) {
      return aten::decode(q, keys, kept, sets, {s.batch, s.tokens, kHeads, kKvHeads, s.head_dim});
    };
  bench.measure(c, sets);
}

}  // namespace

void paged_decode(Bench& bench) {
  using cuda::KvType;
  const auto wanted = most_of_bandwidth();
  for (const int chunk : {256, 512, 1024, 2048}) {
    run(bench, {1, 65536, 128, chunk, KvType::same}, chunk == 512, wanted);
    run(bench, {64, 4096, 128, chunk, KvType::same}, chunk == 512, wanted);
  }
  run(bench, {1, 262144, 128, 512, KvType::same}, true, wanted);
  run(bench, {16, 16384, 128, 512, KvType::int8}, false, wanted);
  run(bench, {16, 16384, 128, 512, KvType::fp8}, false, wanted);
  for (const int dim : {64, 80, 96, 192, 256})
    run(bench, {16, 8192, dim, 512, KvType::same}, dim == 64, wanted);
  run(bench, {1, 1024, 128, 256, KvType::same}, true, {{Measure::seconds, 6e-6}});
}

}  // namespace swift::gpu_bench
