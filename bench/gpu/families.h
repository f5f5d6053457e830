// Families of kernels: each measures its cases.
#pragma once
#include "bench.h"

namespace swift::gpu_bench {

void rms_norm(Bench& bench);
void rope(Bench& bench);
void gated(Bench& bench);
void embedding(Bench& bench);
void dequantize(Bench& bench);
void lora(Bench& bench);
void experts(Bench& bench);
void q_galore(Bench& bench);
void adamw(Bench& bench);
void attention(Bench& bench);
void paged_decode(Bench& bench);
void int4_linear(Bench& bench);
void skinny_linear(Bench& bench);
void cross_entropy(Bench& bench);
void sampling(Bench& bench);
// Whole models: the rows of gpu_models, a program of its own beside this one.
void models(Bench& bench);

// The device's name, versions and limits. Throws base::Error(device) when there is none to use.
Machine measure_machine(Bench& bench);

// The target for kernels that only move values, at large shapes.
inline std::vector<Target> most_of_bandwidth() {
  return {{Measure::limit_share, 0.85}};
}

// Factors of bytes.
constexpr double kHalf = 2, kSingle = 4;

}  // namespace swift::gpu_bench
