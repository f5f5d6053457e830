#include "cuda/rms_norm.h"

#include "aten.h"
#include "families.h"

namespace swift::gpu_bench {
namespace {

constexpr int64_t kHidden = 4096;

void forward(Bench& bench, int64_t rows, const std::vector<Target>& targets) {
  const auto count = static_cast<size_t>(rows * kHidden);
  const double bytes = 4.0 * static_cast<double>(count) * kHalf;
  const int sets = bench.sets(bytes);
  const Array x(Type::bfloat16, sets, count), residual(Type::bfloat16, sets, count),
      y(Type::bfloat16, sets, count), sum(Type::bfloat16, sets, count), weight(Type::bfloat16, 1, kHidden);
  Case c;
  c.row = {.kernel = "add + RMSNorm",
           .what = std::to_string(rows) + " x 4096 bf16",
           .bytes = bytes,
           .library = "ATen add, _fused_rms_norm",
           .targets = targets};
  c.ours = [&](int set) {
    cuda::rms_norm_forward({Type::bfloat16, x.at(set), residual.at(set), weight.at(0), y.at(set), sum.at(set),
                            nullptr, rows, static_cast<int>(kHidden), 1e-6F},
                           nullptr);
  };
  c.theirs = [&](Row&) { return aten::add_rms_norm(x, residual, weight, sets, rows); };
  bench.measure(c, sets);
}

void backward(Bench& bench, int64_t rows, bool frozen) {
  const auto count = static_cast<size_t>(rows * kHidden);
  const double bytes = 4.0 * static_cast<double>(count) * kHalf;
  const int sets = bench.sets(bytes);
  const Array dy(Type::bfloat16, sets, count), x(Type::bfloat16, sets, count),
      dsum(Type::bfloat16, sets, count), dx(Type::bfloat16, sets, count), weight(Type::bfloat16, 1, kHidden),
      dweight(Type::bfloat16, 1, kHidden), inverse(Type::float32, sets, static_cast<size_t>(rows)),
      partial(Type::float32, 1, static_cast<size_t>(cuda::kRmsNormSlices * kHidden));
  Case c;
  c.row = {.kernel = "add + RMSNorm backward",
           .what = std::to_string(rows) + " x 4096 bf16" + (frozen ? ", frozen weight" : ""),
           .bytes = bytes,
           .library = frozen ? "" : "ATen _fused_rms_norm_backward, add",
           .targets = most_of_bandwidth()};
  c.ours = [&](int set) {
    cuda::rms_norm_backward(
        {Type::bfloat16, dy.at(set), x.at(set), weight.at(0), inverse.floats(set), dsum.at(set), dx.at(set),
         frozen ? nullptr : dweight.at(0), partial.floats(), rows, static_cast<int>(kHidden)},
        nullptr);
  };
  if (!frozen) c.theirs = [&](Row&) { return aten::rms_norm_backward(dy, x, dsum, weight, sets, rows); };
  bench.measure(c, sets);
}

}  // namespace

void rms_norm(Bench& bench) {
  forward(bench, 16384, most_of_bandwidth());
  forward(bench, 32, {{Measure::seconds, 3e-6}});
  backward(bench, 16384, false);
  backward(bench, 16384, true);
}

}  // namespace swift::gpu_bench
