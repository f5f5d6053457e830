#include "cuda/sampling.h"

#include "aten.h"
#include "cuda/top_log_probs.h"
#include "families.h"

namespace swift::gpu_bench {
namespace {

constexpr int kVocab = 151936;

struct Setting {
  const char* name;
  float temperature, top_p;
  int top_k;
};

// The logits' bytes alone count: what a perfect kernel would read.
void draw(Bench& bench, int rows, const Setting& s, double microseconds) {
  const auto count = static_cast<size_t>(rows) * kVocab;
  const double bytes = static_cast<double>(count) * kHalf;
  const int sets = bench.sets(bytes);
  const Array logits(Type::bfloat16, sets, count, 3.0F), edited(Type::float32, 1, count),
      log_probs(Type::float32, 1, static_cast<size_t>(rows));
  std::vector<cuda::SamplingRow> list;
  for (int row = 0; row < rows; ++row)
    list.push_back(
        {s.temperature, s.top_p, 0, s.top_k, 1, 0, 0, -1, -1, 0, 0, 42, static_cast<uint64_t>(row), 0});
  const Table<cuda::SamplingRow> settings(list);
  const size_t parts = static_cast<size_t>(rows) * ((kVocab + cuda::kSamplingPart - 1) / cuda::kSamplingPart);
  const Table<cuda::SamplingPart> part{std::vector<cuda::SamplingPart>(parts)};
  const Table<int32_t> tokens{std::vector<int32_t>(static_cast<size_t>(rows))};
  Case c;
  c.row = {.kernel = "sampling",
           .what = std::to_string(rows) + " x 151936 bf16, " + s.name,
           .bytes = bytes,
           .library = s.temperature == 0 ? "ATen argmax" : "ATen sort, cumsum, softmax, multinomial",
           .targets = {{Measure::seconds, microseconds * 1e-6}}};
  c.ours = [&](int set) {
    cuda::sample({.type = Type::bfloat16,
                  .logits = logits.at(set),
                  .stride = kVocab,
                  .rows = settings.data(),
                  .seen = nullptr,
                  .counts = nullptr,
                  .mask = nullptr,
                  .bias_ids = nullptr,
                  .bias_values = nullptr,
                  .edited = edited.floats(),
                  .parts = part.data(),
                  .tokens = tokens.data(),
                  .log_probs = log_probs.floats(),
                  .row_count = rows,
                  .vocab = kVocab},
                 nullptr);
  };
  c.theirs = [&](Row&) { return aten::sample(logits, sets, rows, s.top_p, s.top_k, s.temperature == 0); };
  bench.measure(c, sets);
}

void most_likely(Bench& bench, int rows, int count) {
  const auto values = static_cast<size_t>(rows) * kVocab;
  const double bytes = static_cast<double>(values) * kHalf;
  const int sets = bench.sets(bytes);
  const auto found = static_cast<size_t>(rows) * static_cast<size_t>(count);
  const Array logits(Type::bfloat16, sets, values, 3.0F), log_probs(Type::float32, 1, found);
  const Table<int32_t> ids{std::vector<int32_t>(found)};
  Case c;
  c.row = {.kernel = "top log-probabilities",
           .what = std::to_string(rows) + " x 151936 bf16, " + std::to_string(count) + " of each",
           .bytes = bytes,
           .library = "ATen log_softmax, topk"};
  c.ours = [&](int set) {
    cuda::top_log_probs({.type = Type::bfloat16,
                         .logits = logits.at(set),
                         .stride = kVocab,
                         .rows = nullptr,
                         .ids = ids.data(),
                         .values = log_probs.floats(),
                         .row_count = rows,
                         .vocab = kVocab,
                         .count = count},
                        nullptr);
  };
  c.theirs = [&](Row&) { return aten::top_log_probs(logits, sets, rows, count); };
  bench.measure(c, sets);
}

}  // namespace

void sampling(Bench& bench) {
  const Setting settings[] = {{"temperature 1", 1.0F, 1.0F, 0},
                              {"top_p 0.95", 1.0F, 0.95F, 0},
                              {"top_k 50, top_p 0.9", 0.8F, 0.9F, 50},
                              {"greedy", 0.0F, 1.0F, 0}};
  for (const Setting& setting : settings) draw(bench, 128, setting, 150);
  draw(bench, 1, settings[1], 30);
  draw(bench, 256, settings[1], 150);
  most_likely(bench, 128, 20);
}

}  // namespace swift::gpu_bench
