#include "cuda/gated.h"

#include "aten.h"
#include "families.h"

namespace swift::gpu_bench {
namespace {

constexpr int64_t kColumns = 12288;

// Values read and written by forward and by backward.
void run(Bench& bench, int64_t rows, bool backward, const std::vector<Target>& targets) {
  const auto count = static_cast<size_t>(rows * kColumns);
  const double bytes = (backward ? 5.0 : 3.0) * static_cast<double>(count) * kHalf;
  const int sets = bench.sets(bytes);
  const Array gate(Type::bfloat16, sets, count), up(Type::bfloat16, sets, count),
      y(Type::bfloat16, sets, count), dgate(Type::bfloat16, sets, backward ? count : 1),
      dup(Type::bfloat16, sets, backward ? count : 1);
  Case c;
  c.row = {.kernel = backward ? "SiLU * up backward" : "SiLU * up",
           .what = std::to_string(rows) + " x 12288 bf16",
           .bytes = bytes,
           .library = backward ? "ATen silu, silu_backward, mul" : "ATen silu, mul",
           .targets = targets};
  const auto at = [&](int set) {
    return cuda::Gated{.type = Type::bfloat16,
                       .activation = cuda::Activation::silu,
                       .gate = gate.at(set),
                       .up = up.at(set),
                       .gate_stride = kColumns,
                       .up_stride = kColumns,
                       .y = y.at(set),
                       .dy = y.at(set),
                       .dgate = dgate.at(set),
                       .dup = dup.at(set),
                       .rows = rows,
                       .columns = static_cast<int>(kColumns)};
  };
  if (backward) {
    c.ours = [&](int set) { cuda::gated_backward(at(set), nullptr); };
    c.theirs = [&](Row&) { return aten::gated_backward(y, gate, up, sets, rows); };
  } else {
    c.ours = [&](int set) { cuda::gated_forward(at(set), nullptr); };
    c.theirs = [&](Row&) { return aten::gated(gate, up, sets, rows); };
  }
  bench.measure(c, sets);
}

}  // namespace

void gated(Bench& bench) {
  run(bench, 16384, false, most_of_bandwidth());
  run(bench, 32, false, {{Measure::seconds, 3e-6}});
  run(bench, 16384, true, most_of_bandwidth());
}

}  // namespace swift::gpu_bench
