#include "cuda/cross_entropy.h"

#include "cuda/compare.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

struct Shape {
  size_t rows, vocab, stride;
  float scale, soft_cap;
  bool entropy;
};

struct Results {
  std::vector<double> log_probs, entropies, log_sums, d_logits;  // d_logits of rows `stride` apart
};

Results plain(const Shape& s, const std::vector<float>& logits, const std::vector<int32_t>& targets,
              const std::vector<float>& d_log_probs, const std::vector<float>& d_entropies) {
  Results r{std::vector<double>(s.rows), std::vector<double>(s.rows), std::vector<double>(s.rows),
            std::vector<double>(s.rows * s.vocab)};
  for (size_t row = 0; row < s.rows; ++row) {
    if (targets[row] < 0) continue;
    std::vector<double> z(s.vocab), slope(s.vocab, s.scale);
    double total = 0, entropy = 0;
    for (size_t j = 0; j < s.vocab; ++j) {
      z[j] = logits[row * s.stride + j];
      if (s.soft_cap > 0) {
        const double bent = std::tanh(z[j] / s.soft_cap);
        z[j] = s.soft_cap * bent;
        slope[j] *= 1 - bent * bent;
      }
      z[j] *= s.scale;
      total += std::exp(z[j]);
    }
    const double log_sum = std::log(total);
    for (const double x : z) entropy -= std::exp(x - log_sum) * (x - log_sum);
    const auto target = static_cast<size_t>(targets[row]);
    r.log_sums[row] = log_sum;
    r.log_probs[row] = z[target] - log_sum;
    r.entropies[row] = entropy;
    for (size_t j = 0; j < s.vocab; ++j) {
      const double p = std::exp(z[j] - log_sum);
      double d = d_log_probs[row] * ((j == target ? 1 : 0) - p);
      if (s.entropy) d -= d_entropies[row] * p * (z[j] - log_sum + entropy);
      r.d_logits[row * s.vocab + j] = d * slope[j];
    }
  }
  return r;
}

void check(Type type, Type d_type, const Shape& s) {
  CAPTURE(static_cast<int>(type), static_cast<int>(d_type), s.rows, s.vocab, s.scale, s.soft_cap);
  const auto logits = normal(type, s.rows * s.stride, 1, 3.0F);
  std::vector<int32_t> targets;
  for (size_t row = 0; row < s.rows; ++row)
    targets.push_back(row % 3 == 1 ? -100 : static_cast<int32_t>((row * 7919 + s.vocab - 1) % s.vocab));
  const auto d_log_probs = normal(Type::float32, s.rows, 2), d_entropies = normal(Type::float32, s.rows, 3);
  const Results wanted = plain(s, logits, targets, d_log_probs, d_entropies);
  const Values z("logits", type, logits), other("d_logits", d_type, s.rows * s.stride);
  const Values& d = type == d_type ? z : other;  // in place where it may be
  const Buffer<int32_t> dt("targets", targets);
  const Buffer<float> log_probs("log_probs", s.rows), entropies("entropies", s.rows),
      log_sums("log_sums", s.rows), dlp("d_log_probs", d_log_probs), de("d_entropies", d_entropies);
  const CrossEntropy a{type,    z.data(),   static_cast<int64_t>(s.stride), dt.data(),
                       s.scale, s.soft_cap, static_cast<int64_t>(s.rows),   static_cast<int>(s.vocab)};
  cross_entropy_forward(a, log_probs.data(), s.entropy ? entropies.data() : nullptr, log_sums.data(),
                        nullptr);
  check_near(log_probs.read(), wanted.log_probs, Type::float32, 4.0);
  check_near(log_sums.read(), wanted.log_sums, Type::float32, 4.0);
  if (s.entropy) check_near(entropies.read(), wanted.entropies, Type::float32, 8.0);
  cross_entropy_backward({a, log_sums.data(), s.entropy ? entropies.data() : nullptr, dlp.data(),
                          s.entropy ? de.data() : nullptr, d_type, d.data()},
                         nullptr);
  const auto all = d.read();
  std::vector<float> rows;
  for (size_t row = 0; row < s.rows; ++row) {
    const auto from = all.begin() + static_cast<std::ptrdiff_t>(row * s.stride);
    rows.insert(rows.end(), from, from + static_cast<std::ptrdiff_t>(s.vocab));
  }
  check_near(rows, wanted.d_logits, d_type, 2.0);
}

}  // namespace

TEST_CASE("cross-entropy of a chunk of logits, forward and backward, equals its plain twin") {
  constexpr Type kPairs[][2] = {{Type::float32, Type::float32},
                                {Type::float32, Type::bfloat16},
                                {Type::float32, Type::float16},
                                {Type::bfloat16, Type::bfloat16},
                                {Type::float16, Type::float16}};
  for (const auto& [type, d_type] : kPairs) {
    check(type, d_type, {4, 5003, 5008, 1.0F, 0, false});
    check(type, d_type, {3, 8200, 8200, 1.25F, 0, true});
    check(type, d_type, {2, 77, 88, 0.5F, 10.0F, true});  // fewer logits than threads
    check(type, d_type, {1, 1, 8, 1.0F, 0, true});        // a sure token
    in_every_order([&, type = type, d_type = d_type] { check(type, d_type, {5, 301, 304, 1.0F, 0, true}); });
  }
}
