#include "cuda/sampling.h"

#include <algorithm>
#include <numeric>

#include "base/rng.h"
#include "cuda/compare.h"

using namespace swift::cuda;
using namespace swift::cuda_test;
namespace base = swift::base;

namespace {

SamplingRow plain_row() {
  return {1.0F, 1.0F, 0.0F, 0, 1.0F, 0.0F, 0.0F, -1, -1, 0, 0, 42, 0, 0};
}

// What a row may draw: ids by falling logit, cut by the filters; then the draw in the order of ids.
struct Wanted {
  std::vector<int32_t> may;  // one, or two when the random number falls on the border of two
  double log_prob_first = 0;
};

Wanted choose(const std::vector<double>& logits, const SamplingRow& row) {
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
  });
  const auto at = [&](size_t i) { return logits[static_cast<size_t>(order[i])]; };
  if (row.temperature == 0) return {{order[0]}, 0};
  size_t kept = logits.size();
  while (kept > 1 && at(kept - 1) == -INFINITY) --kept;
  if (row.top_k > 0 && static_cast<size_t>(row.top_k) < kept) {
    const double last = at(static_cast<size_t>(row.top_k) - 1);
    kept = static_cast<size_t>(row.top_k);
    while (kept < logits.size() && at(kept) == last) ++kept;
  }
  const auto weight = [&](size_t i) { return std::exp((at(i) - at(0)) / row.temperature); };
  double total = 0;
  for (size_t i = 0; i < kept; ++i) total += weight(i);
  if (row.top_p < 1) {
    double before = 0;
    size_t stay = 0;
    while (stay < kept && (stay == 0 || before < row.top_p * total)) before += weight(stay++);
    kept = stay;
  }
  if (row.min_p > 0) {
    while (kept > 1 && weight(kept - 1) < row.min_p) --kept;
  }
  std::vector<size_t> by_id(kept);
  std::iota(by_id.begin(), by_id.end(), 0U);
  std::sort(by_id.begin(), by_id.end(), [&](size_t a, size_t b) { return order[a] < order[b]; });
  total = 0;
  for (size_t i = 0; i < kept; ++i) total += weight(i);
  const double target =
      base::Stream(row.seed, base::Purpose::sampling, row.stream).uniform(row.index) * total;
  Wanted wanted;
  double before = 0;
  for (const size_t i : by_id) {
    const double after = before + weight(i), slack = 1e-5 * total;
    if (target >= before - slack && target < after + slack) wanted.may.push_back(order[i]);
    before = after;
  }
  return wanted;
}

void expect(const std::vector<float>& logits, size_t vocab, std::vector<SamplingRow> rows) {
  const size_t parts = (vocab + kSamplingPart - 1) / kSamplingPart;
  const Values in("logits", Type::float32, logits);
  const Buffer<SamplingRow> settings("rows", rows);
  const Buffer<float> edited("edited", rows.size() * vocab), log_probs("log_probs", rows.size());
  const Buffer<SamplingPart> part("parts", rows.size() * parts);
  const Buffer<int32_t> tokens("tokens", rows.size());
  const size_t before = launches();
  sample({Type::float32, in.data(), static_cast<int64_t>(vocab), settings.data(), nullptr, nullptr, nullptr,
          nullptr, nullptr, edited.data(), part.data(), tokens.data(), log_probs.data(),
          static_cast<int>(rows.size()), static_cast<int>(vocab)},
         nullptr);
  CHECK(launches() - before <= 2);
  const auto got = tokens.read();
  const auto probs = log_probs.read();
  for (size_t r = 0; r < rows.size(); ++r) {
    const std::vector<double> row(logits.begin() + static_cast<int64_t>(r * vocab),
                                  logits.begin() + static_cast<int64_t>((r + 1) * vocab));
    const Wanted wanted = choose(row, rows[r]);
    CAPTURE(r, vocab, rows[r].top_k, rows[r].top_p, rows[r].min_p, rows[r].temperature, got[r], wanted.may);
    CHECK(std::find(wanted.may.begin(), wanted.may.end(), got[r]) != wanted.may.end());
    const double top = *std::max_element(row.begin(), row.end());
    double sum = 0;
    for (const double x : row) sum += std::exp(x - top);
    if (got[r] >= 0)
      CHECK(std::abs(probs[r] - (row[static_cast<size_t>(got[r])] - top - std::log(sum))) < 1e-4);
    CHECK(settings.read()[r].index == rows[r].index + 1);
  }
}

}  // namespace

TEST_CASE("filters and draws equal those of sorted rows") {
  std::vector<SamplingRow> rows;
  const auto add = [&](float temperature, int32_t top_k, float top_p, float min_p) {
    SamplingRow row = plain_row();
    row.temperature = temperature;
    row.top_k = top_k;
    row.top_p = top_p;
    row.min_p = min_p;
    row.stream = rows.size();
    row.index = rows.size() * 3;
    rows.push_back(row);
  };
  add(0, 0, 1, 0);
  add(1, 0, 1, 0);
  add(0.7F, 20, 1, 0);
  add(1, 1, 1, 0);
  add(1, 0, 0.9F, 0);
  add(1.5F, 0, 0.999F, 0);
  add(1, 50, 0.8F, 0);
  add(2, 0, 1, 0.1F);
  add(0.8F, 30, 0.95F, 0.05F);
  add(1, 1500, 1, 0);
  add(3, 1400, 0.99F, 0);
  add(1, 0, 1e-6F, 0);
  add(0.01F, 0, 0.9F, 0);
  add(1, 100000, 0.5F, 1);
  for (const size_t vocab : {1U, 33U, 2500U, 5003U}) {
    for (const bool ties : {false, true}) {
      for (const uint32_t seed : {1U, 2U}) {
        auto logits = normal(Type::float32, rows.size() * vocab, seed, 3.0F);
        if (ties)
          for (float& x : logits) x = std::round(x);
        for (size_t i = 7; i < logits.size(); i += 11) logits[i] = -INFINITY;
        logits[0] = 1;
        if (vocab == 1)
          for (float& x : logits) x = 2;
        expect(logits, vocab, rows);
      }
    }
  }
}

TEST_CASE("one logit value for all is cut by id") {
  std::vector<SamplingRow> rows(4, plain_row());
  rows[0].top_p = 0.25F;
  rows[1].top_p = 0.999F;
  rows[2].top_k = 3;
  rows[3].top_k = 5;
  rows[3].top_p = 0.5F;
  for (size_t i = 0; i < 4; ++i) rows[i].index = i;
  expect(std::vector<float>(4 * 3000, 0.5F), 3000, rows);
}

TEST_CASE("a draw does not depend on the batch or on the order of threads") {
  const size_t vocab = 3000;
  const auto logits = normal(Type::float32, vocab, 9, 2.0F);
  std::vector<int32_t> seen;
  in_every_order([&] {
    for (const size_t rows : {1U, 3U}) {
      std::vector<float> all;
      for (size_t r = 0; r < rows; ++r) all.insert(all.end(), logits.begin(), logits.end());
      std::vector<SamplingRow> settings(rows, plain_row());
      for (auto& row : settings) row.top_p = 0.95F;
      const Values in("logits", Type::bfloat16, all);
      const Buffer<SamplingRow> row("rows", settings);
      const Buffer<float> edited("edited", rows * vocab);
      const Buffer<SamplingPart> part("parts", rows * 2);
      const Buffer<int32_t> tokens("tokens", rows);
      sample({Type::bfloat16, in.data(), static_cast<int64_t>(vocab), row.data(), nullptr, nullptr, nullptr,
              nullptr, nullptr, edited.data(), part.data(), tokens.data(), nullptr, static_cast<int>(rows),
              static_cast<int>(vocab)},
             nullptr);
      for (const int32_t token : tokens.read()) seen.push_back(token);
    }
  });
  CHECK(std::count(seen.begin(), seen.end(), seen[0]) == static_cast<int64_t>(seen.size()));
}

TEST_CASE("penalties, bias and mask edit the logits, and the choice is counted") {
  constexpr size_t kVocab = 100, kWords = 4;
  std::vector<float> logits(3 * kVocab, 0.0F);
  for (size_t r = 0; r < 3; ++r) {
    logits[r * kVocab + 10] = 5;
    logits[r * kVocab + 20] = 4;
    logits[r * kVocab + 30] = 3;
    logits[r * kVocab + 40] = -1;
  }
  std::vector<SamplingRow> rows(3, plain_row());
  for (auto& row : rows) row.temperature = 0;
  rows[0].slot = 1;  // 10 was seen (5 / 2), 20 counted twice (4 - 2 - 0.5): 30 wins
  rows[0].repetition_penalty = 2;
  rows[0].frequency_penalty = 1;
  rows[0].presence_penalty = 0.5F;
  rows[1].bias_begin = 0;
  rows[1].bias_end = 2;  // 10 is forbidden, 99 lifted
  rows[2].mask_row = 0;  // 40 alone
  std::vector<uint32_t> seen(2 * kWords), mask(kWords);
  std::vector<uint16_t> counts(2 * kVocab);
  seen[kWords + 0] = 1U << 10;
  counts[kVocab + 20] = 2;
  mask[1] = 1U << 8;
  const Values in("logits", Type::float32, logits);
  const Buffer<SamplingRow> settings("rows", rows);
  const Buffer<uint32_t> dseen("seen", seen), dmask("mask", mask);
  const Buffer<uint16_t> dcounts("counts", counts);
  const Buffer<int32_t> ids("bias_ids", std::vector<int32_t>{10, 99}), tokens("tokens", 3);
  const Buffer<float> bias("bias_values", std::vector<float>{-INFINITY, 6}), edited("edited", 3 * kVocab);
  const Buffer<SamplingPart> part("parts", 3);
  const Sampling a{Type::float32, in.data(),  kVocab,      settings.data(), dseen.data(), dcounts.data(),
                   dmask.data(),  ids.data(), bias.data(), edited.data(),   part.data(),  tokens.data(),
                   nullptr,       3,          kVocab};
  sample(a, nullptr);
  CHECK(tokens.read() == std::vector<int32_t>{30, 99, 40});
  CHECK(dseen.read()[kWords] == (1U << 10 | 1U << 30));
  CHECK(dcounts.read()[kVocab + 30] == 1);
  sample(a, nullptr);  // 30 is now 3 / 2 - 1.5: 10 is the largest
  CHECK(tokens.read() == std::vector<int32_t>{10, 99, 40});
}

TEST_CASE("damaged logits and an empty choice are told apart") {
  std::vector<float> logits(4 * 40, 1.0F);
  logits[5] = NAN;
  logits[40 + 6] = INFINITY;
  for (size_t i = 80; i < 120; ++i) logits[i] = -INFINITY;
  std::vector<SamplingRow> rows(4, plain_row());
  rows[3].mask_row = 0;
  const Values in("logits", Type::float32, logits);
  const Buffer<SamplingRow> settings("rows", rows);
  const Buffer<uint32_t> mask("mask", std::vector<uint32_t>(2));
  const Buffer<float> edited("edited", 160);
  const Buffer<SamplingPart> part("parts", 4);
  const Buffer<int32_t> tokens("tokens", 4);
  sample({Type::float32, in.data(), 40, settings.data(), nullptr, nullptr, mask.data(), nullptr, nullptr,
          edited.data(), part.data(), tokens.data(), nullptr, 4, 40},
         nullptr);
  CHECK(tokens.read() == std::vector<int32_t>{-1, -1, -1, -2});
}
