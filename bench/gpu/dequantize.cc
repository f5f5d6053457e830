#include "cuda/dequantize.h"

#include "families.h"

namespace swift::gpu_bench {
namespace {

constexpr size_t kIn = 4096, kOut = 22016, kCount = kIn * kOut, kGroup = 128;

void blocks(Bench& bench) {
  constexpr size_t kBlocks = kCount / 64;
  const double bytes = kCount * (0.5 + kHalf) + kBlocks * kSingle;
  const int sets = bench.sets(bytes);
  const Codes codes(sets, kCount / 2);
  const Array out(Type::bfloat16, sets, kCount), scales(Type::float32, sets, kBlocks),
      values(Type::float32, 1, 16);
  Case c;
  c.row = {.kernel = "NF4 dequantization",
           .what = "4096 x 22016 to bf16, blocks of 64",
           .bytes = bytes,
           .targets = most_of_bandwidth()};
  c.ours = [&](int set) {
    cuda::dequantize_blocks({.type = Type::bfloat16,
                             .codes = codes.at(set),
                             .values = values.floats(),
                             .scales = scales.floats(set),
                             .out = out.at(set),
                             .count = kCount},
                            nullptr);
  };
  bench.measure(c, sets);
}

void groups(Bench& bench, cuda::GroupLayout layout, const char* name) {
  constexpr size_t kGroups = kIn / kGroup;
  const double bytes = kCount * (0.5 + kHalf) + kGroups * kOut * (0.5 + kHalf);
  const int sets = bench.sets(bytes);
  const Codes words(sets, kCount / 2), zeros(sets, kGroups * kOut / 2);
  const Array out(Type::bfloat16, sets, kCount), scales(Type::bfloat16, sets, kGroups * kOut);
  Case c;
  c.row = {.kernel = name,
           .what = "4096 x 22016 to bf16, groups of 128",
           .bytes = bytes,
           .targets = most_of_bandwidth()};
  c.ours = [&](int set) {
    cuda::dequantize_groups({.type = Type::bfloat16,
                             .scale_type = Type::bfloat16,
                             .layout = layout,
                             .qweight = words.words(set),
                             .qzeros = zeros.words(set),
                             .scales = scales.at(set),
                             .g_idx = nullptr,
                             .zero_offset = layout == cuda::GroupLayout::gptq ? 1 : 0,
                             .out = out.at(set),
                             .in = kIn,
                             .columns = kOut,
                             .group = kGroup},
                            nullptr);
  };
  bench.measure(c, sets);
}

}  // namespace

void dequantize(Bench& bench) {
  blocks(bench);
  groups(bench, cuda::GroupLayout::awq, "AWQ dequantization");
  groups(bench, cuda::GroupLayout::gptq, "GPTQ dequantization");
}

}  // namespace swift::gpu_bench
