#include <algorithm>

#include "cuda/w4a16_striped.h"
#include "families.h"
#include "product.h"

namespace swift::gpu_bench {
namespace {

constexpr size_t kGroup = 128;

struct Weight {
  int in, out, sets;
  Codes words, zeros;
  Array scales, dense;
  int dense_sets;

  static size_t count(int in, int out) { return static_cast<size_t>(in) * static_cast<size_t>(out); }
  static double bytes_of(int in, int out) {
    const auto values = static_cast<double>(count(in, out));
    return values / 2 + values / kGroup * (1 + kHalf);
  }
  Weight(Bench& bench, int in_width, int out_width)
      : in(in_width),
        out(out_width),
        sets(bench.sets(bytes_of(in, out))),
        words(sets, count(in, out) / 2),
        zeros(sets, count(in, out) / kGroup),
        scales(Type::bfloat16, sets, count(in, out) / kGroup, 0.01F),
        dense(Type::bfloat16, bench.sets(static_cast<double>(count(in, out)) * kHalf), count(in, out), 0.02F),
        dense_sets(bench.sets(static_cast<double>(count(in, out)) * kHalf)) {
    for (int set = 0; set < sets; ++set)
      check(cudaMemset(zeros.at(set), 8, count(in, out) / kGroup), "clearing");
  }
  double bytes() const { return bytes_of(in, out); }
  cuda::PackedInt4 packed(int set) const {
    return {words.words(set), scales.at(set), zeros.at(set), in, out, static_cast<int>(kGroup)};
  }
};

// The bf16 product over the dense weight is measured once for all kernels of a shape.
void rows_of(Bench& bench, const Weight& w, int rows) {
  const auto in = static_cast<size_t>(rows) * static_cast<size_t>(w.in),
             out = static_cast<size_t>(rows) * static_cast<size_t>(w.out);
  const Array x(Type::bfloat16, 1, in), y(Type::bfloat16, 1, out);
  const Product product({.m = rows, .n = w.out, .k = w.in});
  const int tiles = (w.out + cuda::kStripeOut - 1) / cuda::kStripeOut;
  const int most = tiles * (w.in / 64);
  const Table<int32_t> arrivals{std::vector<int32_t>(static_cast<size_t>(tiles))};
  std::vector<Target> targets;
  if (rows <= 16) targets = {{Measure::limit_share, 0.85}, {Measure::ratio, 3.5}};
  if (rows == 32) targets = {{Measure::limit_share, 0.8}, {Measure::ratio, 2}};
  const auto linear = [&](int set) {
    return cuda::Int4Linear{Type::bfloat16, x.at(0), w.packed(set), nullptr, y.at(0), rows};
  };
  Case c;
  c.row = {.what = "M = " + std::to_string(rows) + ", " + std::to_string(w.in) + " x " +
                   std::to_string(w.out) + ", bf16, groups of 128",
           .bytes = w.bytes() + static_cast<double>(in + out) * kHalf,
           .library = "cuBLASLt bf16",
           .targets = targets};
  const std::string what = c.row.what;
  try {
    c.row.library_seconds =
        bench.time([&](int set) { product.run(x.at(0), w.dense.at(set), y.at(0)); }, w.dense_sets);
  } catch (const base::Error& error) {
    c.row.note = "library: " + error.message();
  }
  if (rows <= 32) {
    c.row.kernel = "int4_linear";
    c.ours = [&](int set) { cuda::int4_linear(linear(set), nullptr); };
    bench.measure(c, w.sets);
  }
  for (const int blocks : {1, 2, 4}) {
    if (blocks != 2 && rows != 1 && rows != 16) continue;
    const int stripes = std::min(most, blocks * bench.multiprocessors());
    const Array partial(
        Type::float32, 1,
        size_t{2} * static_cast<size_t>(stripes) * static_cast<size_t>(rows) * cuda::kStripeOut);
    c.row.kernel = "striped_int4_linear";
    c.row.what = what + ", " + std::to_string(stripes) + " stripes";
    c.ours = [&](int set) {
      cuda::striped_int4_linear({linear(set), stripes, partial.floats(), arrivals.data()}, nullptr);
    };
    bench.measure(c, w.sets);
  }
}

}  // namespace

void int4_linear(Bench& bench) {
  {
    const Weight w(bench, 4096, 22016);
    for (const int rows : {1, 2, 4, 8, 16, 32, 64}) rows_of(bench, w, rows);
  }
  const Weight w(bench, 8192, 28672);
  for (const int rows : {1, 16}) rows_of(bench, w, rows);
}

}  // namespace swift::gpu_bench
