#include "cuda/q_galore.h"

#include "families.h"

namespace swift::gpu_bench {
namespace {

constexpr size_t kCount = size_t{4096} * 22016, kGroup = 256, kGroups = kCount / kGroup;

void int8(Bench& bench) {
  const Codes codes(1, kCount);
  const Array scales(Type::float32, 1, kGroups, 0.01F), direction(Type::float32, 1, kCount, 0.01F),
      out(Type::bfloat16, 1, kCount);
  const cuda::Int8Groups weight{reinterpret_cast<int8_t*>(codes.at(0)), scales.floats(), kCount, kGroup};
  Case c;
  c.row = {.kernel = "INT8 weights decoded",
           .what = "4096 x 22016 to bf16, groups of 256",
           .bytes = kCount * (1 + kHalf) + kGroups * kSingle,
           .targets = most_of_bandwidth()};
  c.ours = [&](int) { cuda::decode_int8(weight, Type::bfloat16, out.at(0), nullptr); };
  bench.measure(c, 1);
  c.row.kernel = "INT8 weights updated";
  c.row.what = "4096 x 22016, groups of 256, stochastic rounding";
  c.row.bytes = kCount * (2 + kSingle) + 2 * kGroups * kSingle;
  c.ours = [&](int) {
    cuda::update_int8({.weight = weight,
                       .direction = direction.floats(),
                       .decay = 1.0F,
                       .step = -1e-3F,
                       .stochastic = true,
                       .noise = {42, 1}},
                      nullptr);
  };
  bench.measure(c, 1);
}

void int4(Bench& bench) {
  const Codes codes(1, kCount / 2), zeros(1, kGroups);
  const Array scales(Type::float32, 1, kGroups), values(Type::float32, 1, kCount),
      out(Type::bfloat16, 1, kCount);
  const cuda::Int4Groups projection{codes.at(0), scales.floats(), zeros.at(0), kCount, kGroup};
  Case c;
  c.row = {.kernel = "INT4 projection encoded",
           .what = "4096 x 22016 of fp32, groups of 256",
           .bytes = kCount * (kSingle + 0.5) + kGroups * (kSingle + 1),
           .targets = most_of_bandwidth()};
  c.ours = [&](int) { cuda::encode_int4(values.floats(), projection, nullptr); };
  bench.measure(c, 1);
  c.row.kernel = "INT4 projection decoded";
  c.row.what = "4096 x 22016 to bf16, groups of 256";
  c.row.bytes = kCount * (kHalf + 0.5) + kGroups * (kSingle + 1);
  c.ours = [&](int) { cuda::decode_int4(projection, Type::bfloat16, out.at(0), nullptr); };
  bench.measure(c, 1);
}

}  // namespace

void q_galore(Bench& bench) {
  int8(bench);
  int4(bench);
}

}  // namespace swift::gpu_bench
