#include "cuda/cross_entropy.h"

#include <random>

#include "aten.h"
#include "families.h"
#include "product.h"

namespace swift::gpu_bench {
namespace {

std::vector<int32_t> targets_of(size_t rows, size_t vocab) {
  std::mt19937 random(1);
  std::vector<int32_t> targets(rows);
  for (int32_t& target : targets) target = static_cast<int32_t>(random() % vocab);
  return targets;
}

// The kernels alone, on a chunk of logits.
void chunk(Bench& bench) {
  constexpr size_t kRows = 2048, kVocab = 151936, kCount = kRows * kVocab;
  const Array logits(Type::bfloat16, 1, kCount, 2.0F), log_probs(Type::float32, 1, kRows),
      log_sums(Type::float32, 1, kRows), d_log_probs(Type::float32, 1, kRows, 1.0F / kRows);
  const Table<int32_t> targets(targets_of(kRows, kVocab));
  const cuda::CrossEntropy forward{Type::bfloat16, logits.at(0), kVocab, targets.data(),
                                   1.0F,           0.0F,         kRows,  kVocab};
  Case c;
  c.row = {.kernel = "cross-entropy",
           .what = "2048 x 151936 bf16",
           .bytes = kCount * kHalf,
           .library = "ATen cross_entropy_loss of fp32",
           .targets = most_of_bandwidth()};
  c.ours = [&](int) {
    cuda::cross_entropy_forward(forward, log_probs.floats(), nullptr, log_sums.floats(), nullptr);
  };
  c.theirs = [&](Row&) { return aten::cross_entropy(logits, targets, 1, kRows); };
  bench.measure(c, 1);
  c = {};
  c.row = {.kernel = "cross-entropy backward",
           .what = "2048 x 151936 bf16, in place",
           .bytes = 2 * kCount * kHalf,
           .targets = most_of_bandwidth()};
  c.ours = [&](int) {
    cuda::cross_entropy_backward({.forward = forward,
                                  .log_sums = log_sums.floats(),
                                  .entropies = nullptr,
                                  .d_log_probs = d_log_probs.floats(),
                                  .d_entropies = nullptr,
                                  .d_type = Type::bfloat16,
                                  .d_logits = logits.at(0)},
                                 nullptr);
  };
  bench.measure(c, 1);
}

// Through the output head a chunk of tokens at a time, with gradients of the hidden states and, unless it is
// frozen, of the head.
void with_linear(Bench& bench, int64_t chunk_tokens, bool frozen) {
  constexpr int64_t kTokens = 8192, kHidden = 4096, kVocab = 128256;
  const Array hidden(Type::bfloat16, 1, kTokens * kHidden), head(Type::bfloat16, 1, kVocab * kHidden, 0.02F),
      d_hidden(Type::bfloat16, 1, kTokens * kHidden),
      d_head(Type::bfloat16, 1, frozen ? 1 : kVocab * kHidden),
      logits(Type::bfloat16, 1, static_cast<size_t>(chunk_tokens * kVocab)),
      log_probs(Type::float32, 1, kTokens), log_sums(Type::float32, 1, kTokens),
      d_log_probs(Type::float32, 1, kTokens, 1.0F / kTokens);
  const Table<int32_t> targets(targets_of(kTokens, kVocab));
  const Product to_logits({.m = chunk_tokens, .n = kVocab, .k = kHidden});
  const Product to_hidden({.m = chunk_tokens, .n = kHidden, .k = kVocab, .b_transposed = false});
  const Product to_head(
      {.m = kVocab, .n = kHidden, .k = chunk_tokens, .a_transposed = true, .b_transposed = false, .beta = 1});
  const auto rows = [](const Array& array, int64_t token, int64_t width) {
    return static_cast<std::byte*>(array.at(0)) +
           token * width * static_cast<int64_t>(cuda::size_of(array.type()));
  };
  Case c;
  c.ours = [&](int) {
    if (!frozen) check(cudaMemsetAsync(d_head.at(0), 0, kVocab * kHidden * 2, nullptr), "clearing");
    for (int64_t token = 0; token < kTokens; token += chunk_tokens) {
      const cuda::CrossEntropy forward{Type::bfloat16, logits.at(0), kVocab,       targets.data() + token,
                                       1.0F,           0.0F,         chunk_tokens, kVocab};
      to_logits.run(rows(hidden, token, kHidden), head.at(0), logits.at(0));
      cuda::cross_entropy_forward(forward, log_probs.floats() + token, nullptr, log_sums.floats() + token,
                                  nullptr);
      cuda::cross_entropy_backward({.forward = forward,
                                    .log_sums = log_sums.floats() + token,
                                    .entropies = nullptr,
                                    .d_log_probs = d_log_probs.floats() + token,
                                    .d_entropies = nullptr,
                                    .d_type = Type::bfloat16,
                                    .d_logits = logits.at(0)},
                                   nullptr);
      to_hidden.run(logits.at(0), head.at(0), rows(d_hidden, token, kHidden));
      if (!frozen) to_head.run(logits.at(0), rows(hidden, token, kHidden), d_head.at(0));
    }
  };
  c.theirs = [&](Row& row) {
    double peak = 0;
    const Call call = aten::linear_cross_entropy(hidden, head, targets, kTokens, !frozen, peak);
    if (call) row.note = "eager needs " + bytes_text(peak);
    return call;
  };
  const double results = static_cast<double>(d_hidden.count() + (frozen ? 0 : d_head.count())) * kHalf;
  c.row = {.kernel = "fused linear + cross-entropy",
           .what = std::string("8192 x 4096 x 128256 bf16, forward and backward, ") +
                   (frozen ? "head frozen" : "head trained") + ", chunks of " + std::to_string(chunk_tokens),
           .flops = (frozen ? 4.0 : 6.0) * kTokens * kHidden * kVocab,
           .memory = results + static_cast<double>(logits.count()) * kHalf + 3.0 * kTokens * kSingle,
           .library = "ATen linear, cross_entropy_loss, autograd",
           .targets = {{Measure::memory, 1.2e9}, {Measure::ratio, 1.0}}};
  bench.measure(c, 1);
}

}  // namespace

void cross_entropy(Bench& bench) {
  chunk(bench);
  with_linear(bench, 1024, true);
  with_linear(bench, 2048, true);
  with_linear(bench, 256, false);
  with_linear(bench, 1024, false);
}

}  // namespace swift::gpu_bench
