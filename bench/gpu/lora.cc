#include "cuda/lora.h"

#include <algorithm>

#include "aten.h"
#include "families.h"
#include "product.h"

namespace swift::gpu_bench {
namespace {

constexpr int64_t kRows = 16384;
constexpr int kColumns = 4096, kRank = 16;
constexpr double kScale = 2.0;

// What one projection's update moves: x or y once or twice, and the small sides.
double bytes_of(double passes) {
  return (passes * kRows * kColumns + kRows * kRank + kRank * kColumns) * kHalf;
}

std::string shape_text(double dropout) {
  return "16384 x 4096, rank 16, bf16" + std::string(dropout > 0 ? ", dropout" : "");
}

void project(Bench& bench, double dropout) {
  const int sets = bench.sets(bytes_of(1));
  const Array x(Type::bfloat16, sets, kRows * kColumns), factor(Type::bfloat16, 1, kRank * kColumns),
      h(Type::bfloat16, 1, kRows * kRank);
  Case c;
  c.row = {.kernel = "LoRA projection",
           .what = shape_text(dropout),
           .bytes = bytes_of(1),
           .library = dropout > 0 ? "ATen dropout, linear, mul" : "ATen linear, mul",
           .targets = most_of_bandwidth()};
  c.ours = [&](int set) {
    cuda::project_rows({.type = Type::bfloat16,
                        .x = x.at(set),
                        .factor = factor.at(0),
                        .h = h.at(0),
                        .rows = kRows,
                        .columns = kColumns,
                        .rank = kRank,
                        .scale = static_cast<float>(kScale),
                        .dropout = {dropout, 7}},
                       nullptr);
  };
  c.theirs = [&](Row&) { return aten::lora_project(x, factor, sets, kRows, dropout, kScale); };
  bench.measure(c, sets);
}

void add(Bench& bench) {
  const int sets = bench.sets(bytes_of(2));
  const Array y(Type::bfloat16, sets, kRows * kColumns), factor(Type::bfloat16, 1, kRank * kColumns, 0.01F),
      h(Type::bfloat16, 1, kRows * kRank, 0.01F);
  Case c;
  c.row = {.kernel = "LoRA addition",
           .what = shape_text(0),
           .bytes = bytes_of(2),
           .library = "ATen addmm_",
           .targets = most_of_bandwidth()};
  c.ours = [&](int set) {
    cuda::add_projected({.type = Type::bfloat16,
                         .h = h.at(0),
                         .factor = factor.at(0),
                         .y = y.at(set),
                         .rows = kRows,
                         .columns = kColumns,
                         .rank = kRank,
                         .dropout = {}},
                        nullptr);
  };
  c.theirs = [&](Row&) { return aten::lora_add(y, h, factor, sets, kRows); };
  bench.measure(c, sets);
}

void outer(Bench& bench) {
  const int sets = bench.sets(bytes_of(1)),
            slices = std::min(64, std::max(1, 2 * bench.multiprocessors() * 64 / kColumns));
  const Array x(Type::bfloat16, sets, kRows * kColumns), h(Type::bfloat16, 1, kRows * kRank),
      sum(Type::float32, 1, kRank * kColumns),
      partial(Type::float32, 1, static_cast<size_t>(slices) * kRank * kColumns);
  const Product product({.m = kRank, .n = kColumns, .k = kRows, .a_transposed = true, .b_transposed = false});
  const Array rounded(Type::bfloat16, 1, kRank * kColumns);
  Case c;
  c.row = {.kernel = "LoRA factor's gradient",
           .what = shape_text(0) + ", " + std::to_string(slices) + " slices",
           .bytes = bytes_of(1),
           .library = "cuBLASLt bf16",
           .targets = most_of_bandwidth()};
  c.ours = [&](int set) {
    cuda::sum_outer({.type = Type::bfloat16,
                     .h = h.at(0),
                     .x = x.at(set),
                     .sum = sum.floats(),
                     .partial = partial.floats(),
                     .rows = kRows,
                     .columns = kColumns,
                     .h_rank = kRank,
                     .rank = kRank,
                     .slices = slices,
                     .transposed = false,
                     .accumulate = false,
                     .dropout = {}},
                    nullptr);
  };
  c.theirs = [&](Row&) { return Call([&](int set) { product.run(h.at(0), x.at(set), rounded.at(0)); }); };
  bench.measure(c, sets);
}

}  // namespace

void lora(Bench& bench) {
  project(bench, 0);
  project(bench, 0.05);
  add(bench);
  outer(bench);
}

}  // namespace swift::gpu_bench
