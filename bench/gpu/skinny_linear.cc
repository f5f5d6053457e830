#include "cuda/skinny_linear.h"

#include "families.h"
#include "product.h"

namespace swift::gpu_bench {
namespace {

void run(Bench& bench, int in, int out, int rows) {
  const auto weights = static_cast<size_t>(in) * static_cast<size_t>(out);
  const auto inputs = static_cast<size_t>(rows) * static_cast<size_t>(in),
             outputs = static_cast<size_t>(rows) * static_cast<size_t>(out);
  const double bytes = static_cast<double>(weights + inputs + outputs) * kHalf;
  const int sets = bench.sets(bytes);
  const Array x(Type::bfloat16, 1, inputs), weight(Type::bfloat16, sets, weights, 0.02F),
      y(Type::bfloat16, 1, outputs);
  const Product product({.m = rows, .n = out, .k = in});
  Case c;
  c.row = {.kernel = "skinny_linear",
           .what = "M = " + std::to_string(rows) + ", " + std::to_string(in) + " x " + std::to_string(out) +
                   ", bf16",
           .bytes = bytes,
           .library = "cuBLASLt bf16",
           .targets = {{Measure::limit_share, 0.9}}};
  c.ours = [&](int set) {
    cuda::skinny_linear({Type::bfloat16, x.at(0), weight.at(set), nullptr, y.at(0), rows, in, out}, nullptr);
  };
  c.theirs = [&](Row&) { return Call([&](int set) { product.run(x.at(0), weight.at(set), y.at(0)); }); };
  bench.measure(c, sets);
}

}  // namespace

void skinny_linear(Bench& bench) {
  for (const int rows : {1, 4, 8, 16, 32}) run(bench, 4096, 22016, rows);
  for (const int rows : {1, 8}) run(bench, 4096, 4096, rows);
  for (const int rows : {1, 8}) run(bench, 4096, 151936, rows);
}

}  // namespace swift::gpu_bench
