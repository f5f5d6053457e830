#include "cuda/adamw.h"

#include <cmath>

#include "aten.h"
#include "families.h"

namespace swift::gpu_bench {
namespace {

constexpr int kTensors = 25;
constexpr size_t kCount = 4'000'000;  // of a tensor: 10^8 in all
constexpr double kAll = kTensors * static_cast<double>(kCount);

cuda::AdamStep step() {
  return {1e-6F, 0.9F, 0.999F, 1e-8F, 0.1F, std::sqrt(0.001F), 42, 1};
}

std::vector<cuda::AdamChunk> chunks() {
  std::vector<cuda::AdamChunk> list;
  for (int32_t tensor = 0; tensor < kTensors; ++tensor) {
    for (size_t at = 0; at < kCount; at += cuda::kAdamChunk)
      list.push_back({tensor, static_cast<int32_t>(at / cuda::kAdamChunk)});
  }
  return list;
}

// Moments start at 0: squares must not be negative.
struct Moments {
  Array first{Type::float32, kTensors, kCount, 0.0F}, second{Type::float32, kTensors, kCount, 0.0F};
};

void full(Bench& bench, Type type, bool with_master) {
  const Array weight(type, kTensors, kCount), grad(type, kTensors, kCount),
      master(Type::float32, kTensors, with_master ? kCount : 1);
  const Moments moments;
  std::vector<cuda::AdamTensor> list;
  for (int i = 0; i < kTensors; ++i)
    list.push_back({weight.at(i), grad.at(i), with_master ? master.floats(i) : nullptr, moments.first.at(i),
                    moments.second.at(i), nullptr, nullptr, static_cast<int64_t>(kCount), 1.0F, 0.01F});
  const Table<cuda::AdamTensor> tensors(list);
  const Table<cuda::AdamChunk> chunk(chunks());
  const Table<cuda::AdamStep> settings({step()});
  const bool single = type == Type::float32;
  // Moments and master are read and written; the gradient is read; the weight is written, and read when there
  // is no master.
  const auto size = static_cast<double>(cuda::size_of(type));
  const double bytes = kAll * (4 * kSingle + size + (with_master ? 2 * kSingle + size : 2 * size));
  Case c;
  c.row = {
      .kernel = "AdamW",
      .what = std::string("1e8 parameters in 25 tensors, ") + (single        ? "fp32"
                                                               : with_master ? "bf16 with fp32 master"
                                                                             : "bf16, stochastic rounding"),
      .bytes = bytes,
      .library = single ? "ATen _fused_adamw_" : "",
      .targets = most_of_bandwidth()};
  c.ours = [&](int) {
    cuda::adamw({.weight_type = type,
                 .grad_type = type,
                 .tensors = tensors.data(),
                 .chunks = chunk.data(),
                 .chunk_count = static_cast<int>(chunk.count()),
                 .step = settings.data(),
                 .grad_coefficient = nullptr,
                 .stochastic_rounding = !single && !with_master},
                nullptr);
  };
  if (single)
    c.theirs = [&](Row&) { return aten::adamw(weight, grad, moments.first, moments.second, kTensors); };
  bench.measure(c, 1);
}

// Rising values of a code, dense around 0.
std::vector<float> code(bool has_sign) {
  std::vector<float> values;
  for (int i = 0; i < 256; ++i) {
    const float x = has_sign ? (static_cast<float>(i) - 127.5F) / 127.5F : static_cast<float>(i) / 255.0F;
    values.push_back(x * x * x);
  }
  return values;
}
std::vector<float> bounds(const std::vector<float>& values) {
  std::vector<float> halves;
  for (size_t i = 0; i + 1 < values.size(); ++i) halves.push_back((values[i] + values[i + 1]) / 2);
  halves.push_back(INFINITY);
  return halves;
}

void bytes_of_moments(Bench& bench) {
  constexpr size_t kBlocks = kCount / 256;
  const Array weight(Type::bfloat16, kTensors, kCount), grad(Type::bfloat16, kTensors, kCount),
      first_scale(Type::float32, kTensors, kBlocks, 0.0F),
      second_scale(Type::float32, kTensors, kBlocks, 0.0F);
  const Codes first(kTensors, kCount), second(kTensors, kCount);
  std::vector<cuda::AdamTensor> list;
  for (int i = 0; i < kTensors; ++i)
    list.push_back({weight.at(i), grad.at(i), nullptr, first.at(i), second.at(i), first_scale.floats(i),
                    second_scale.floats(i), static_cast<int64_t>(kCount), 1.0F, 0.01F});
  const Table<cuda::AdamTensor> tensors(list);
  const Table<cuda::AdamChunk> chunk(chunks());
  const Table<cuda::AdamStep> settings({step()});
  const Table<float> values(code(true)), halves(bounds(code(true))), square_values(code(false)),
      square_halves(bounds(code(false)));
  Case c;
  c.row = {.kernel = "AdamW, 8-bit moments",
           .what = "1e8 parameters in 25 tensors, bf16, stochastic rounding",
           .bytes = kAll * (3 * kHalf + 4 + 4 * kSingle / 256),
           .targets = most_of_bandwidth()};
  c.ours = [&](int) {
    cuda::adamw_8bit({.weight_type = Type::bfloat16,
                      .grad_type = Type::bfloat16,
                      .tensors = tensors.data(),
                      .chunks = chunk.data(),
                      .chunk_count = static_cast<int>(chunk.count()),
                      .step = settings.data(),
                      .grad_coefficient = nullptr,
                      .stochastic_rounding = true},
                     {values.data(), halves.data()}, {square_values.data(), square_halves.data()}, nullptr);
  };
  bench.measure(c, 1);
}

void norm(Bench& bench) {
  const Array grad(Type::bfloat16, kTensors, kCount);
  std::vector<cuda::AdamTensor> list;
  for (int i = 0; i < kTensors; ++i)
    list.push_back({.grad = grad.at(i), .count = static_cast<int64_t>(kCount)});
  const Table<cuda::AdamTensor> tensors(list);
  const Table<cuda::AdamChunk> chunk(chunks());
  const Array results(Type::float32, 1, 3), partial(Type::float32, 1, chunk.count());
  Case c;
  c.row = {.kernel = "gradient norm and clipping",
           .what = "1e8 bf16 gradients in 25 tensors",
           .bytes = kAll * kHalf,
           .library = "ATen _foreach_norm, norm",
           .targets = most_of_bandwidth()};
  c.ours = [&](int) {
    float* square = results.floats();
    cuda::grad_square_sum({Type::bfloat16, tensors.data(), chunk.data(), static_cast<int>(chunk.count()),
                           partial.floats(), square},
                          nullptr);
    cuda::clip_coefficient(square, 1.0F, nullptr, square + 1, square + 2, nullptr);
  };
  c.theirs = [&](Row&) { return aten::grad_norm(grad, kTensors); };
  bench.measure(c, 1);
}

}  // namespace

void adamw(Bench& bench) {
  full(bench, Type::float32, false);
  full(bench, Type::bfloat16, true);
  full(bench, Type::bfloat16, false);
  bytes_of_moments(bench);
  norm(bench);
}

}  // namespace swift::gpu_bench
