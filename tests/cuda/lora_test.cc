#include "cuda/lora.h"

#include "cuda/compare.h"
#include "ops/mix.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

struct Shape {
  size_t rows, columns, rank;
};

// What ops::keyed_dropout multiplies an element by.
double keep(const Dropout& dropout, size_t index) {
  if (dropout.probability == 0) return 1;
  const uint64_t bits = swift::ops::keyed_bits(dropout.key, static_cast<int64_t>(index / 4));
  const auto own = static_cast<double>(bits >> index % 4 * 16 & 0xFFFF);
  return own < std::floor(dropout.probability * 65536) ? 0 : 1 / (1 - dropout.probability);
}
std::vector<double> dropped(const std::vector<float>& x, const Dropout& dropout) {
  std::vector<double> y(x.begin(), x.end());
  for (size_t i = 0; i < y.size(); ++i) y[i] *= keep(dropout, i);
  return y;
}

void check_project(Type type, const Shape& s, const Dropout& dropout) {
  CAPTURE(static_cast<int>(type), s.rows, s.columns, s.rank, dropout.probability);
  const auto x = normal(type, s.rows * s.columns, 1), factor = normal(type, s.rank * s.columns, 2, 0.1F);
  const auto from = dropped(x, dropout);
  std::vector<double> wanted;
  for (size_t r = 0; r < s.rows; ++r) {
    for (size_t k = 0; k < s.rank; ++k) {
      double sum = 0;
      for (size_t c = 0; c < s.columns; ++c) sum += from[r * s.columns + c] * factor[k * s.columns + c];
      wanted.push_back(sum * 0.5);
    }
  }
  const Values dx("x", type, x), df("factor", type, factor), h("h", type, s.rows * s.rank);
  project_rows({type, dx.data(), df.data(), h.data(), static_cast<int64_t>(s.rows),
                static_cast<int>(s.columns), static_cast<int>(s.rank), 0.5F, dropout},
               nullptr);
  check_near(h.read(), wanted, type, 1.0);
}

void check_add(Type type, const Shape& s, const Dropout& dropout) {
  CAPTURE(static_cast<int>(type), s.rows, s.columns, s.rank, dropout.probability);
  const auto h = normal(type, s.rows * s.rank, 1), factor = normal(type, s.columns * s.rank, 2, 0.1F),
             y = normal(type, s.rows * s.columns, 3);
  std::vector<double> wanted(y.begin(), y.end());
  for (size_t i = 0; i < wanted.size(); ++i) {
    double sum = 0;
    for (size_t k = 0; k < s.rank; ++k)
      sum += double{h[i / s.columns * s.rank + k]} * factor[i % s.columns * s.rank + k];
    wanted[i] += sum * keep(dropout, i);
  }
  const Values dh("h", type, h), df("factor", type, factor), dy("y", type, y);
  add_projected({type, dh.data(), df.data(), dy.data(), static_cast<int64_t>(s.rows),
                 static_cast<int>(s.columns), static_cast<int>(s.rank), dropout},
                nullptr);
  check_near(dy.read(), wanted, type, 1.0);
}

// rank: of those that are summed; h has the next multiple of 8.
void check_outer(Type type, const Shape& s, const Dropout& dropout, int slices, bool transposed,
                 bool accumulate) {
  CAPTURE(static_cast<int>(type), s.rows, s.columns, s.rank, dropout.probability, slices, transposed);
  const size_t h_rank = (s.rank + 7) / 8 * 8;
  const auto h = normal(type, s.rows * h_rank, 1), x = normal(type, s.rows * s.columns, 2),
             before = normal(Type::float32, s.rank * s.columns, 3);
  const auto from = dropped(x, dropout);
  std::vector<double> wanted(before.begin(), before.end());
  if (!accumulate) wanted.assign(wanted.size(), 0);
  for (size_t k = 0; k < s.rank; ++k) {
    for (size_t c = 0; c < s.columns; ++c) {
      double& sum = wanted[transposed ? c * s.rank + k : k * s.columns + c];
      for (size_t r = 0; r < s.rows; ++r) sum += h[r * h_rank + k] * from[r * s.columns + c];
    }
  }
  const Values dh("h", type, h), dx("x", type, x);
  const Buffer<float> sum("sum", before),
      partial("partial", static_cast<size_t>(slices) * h_rank * s.columns);
  sum_outer({type, dh.data(), dx.data(), sum.data(), partial.data(), static_cast<int64_t>(s.rows),
             static_cast<int>(s.columns), static_cast<int>(h_rank), static_cast<int>(s.rank), slices,
             transposed, accumulate, dropout},
            nullptr);
  check_near(sum.read(), wanted, Type::float32, std::sqrt(static_cast<double>(s.rows)) * 4);
}

void check_factor(Type type, size_t rank, size_t padded, size_t columns, bool from_transposed) {
  CAPTURE(static_cast<int>(type), rank, padded, columns, from_transposed);
  const auto from = normal(Type::float32, rank * columns, 1);
  std::vector<double> rows(padded * columns), transposed(padded * columns);
  for (size_t k = 0; k < rank; ++k) {
    for (size_t c = 0; c < columns; ++c) {
      const double value = from[from_transposed ? c * rank + k : k * columns + c];
      rows[k * columns + c] = transposed[c * padded + k] = value;
    }
  }
  const Buffer<float> dfrom("from", from);
  const Values got("rows", type, padded * columns), turned("transposed", type, padded * columns);
  round_factor({type, dfrom.data(), from_transposed, got.data(), turned.data(), static_cast<int>(rank),
                static_cast<int>(padded), static_cast<int>(columns)},
               nullptr);
  check_near(got.read(), rows, type, 0);
  check_near(turned.read(), transposed, type, 0);
}

constexpr Dropout kNone{}, kTenth{0.1, 77}, kHalf{0.5, 0x123456789ABCDEFULL};

}  // namespace

TEST_CASE("rows are projected to a low rank, with dropout") {
  for (const Type type : kTypes) {
    check_project(type, {1, 8, 8}, kNone);
    check_project(type, {33, 72, 16}, kTenth);
    check_project(type, {40, 520, 24}, kHalf);
    check_project(type, {70, 264, 64}, kTenth);
    check_project(type, {65, 296, 128}, kHalf);
    check_project(type, {3, 40, 104}, kNone);
    in_every_order([&] { check_project(type, {66, 40, 40}, kTenth); });
  }
}

TEST_CASE("what a low rank makes is added, with dropout") {
  for (const Type type : kTypes) {
    check_add(type, {1, 8, 8}, kNone);
    check_add(type, {33, 72, 16}, kTenth);
    check_add(type, {20, 1064, 24}, kHalf);  // more columns than a block has
    check_add(type, {32, 264, 64}, kTenth);
    check_add(type, {35, 40, 128}, kHalf);
    in_every_order([&] { check_add(type, {34, 56, 40}, kTenth); });
  }
}

TEST_CASE("gradients of low-rank factors are sums over the rows, with dropout") {
  for (const Type type : kTypes) {
    check_outer(type, {1, 8, 8}, kNone, 1, false, false);
    check_outer(type, {200, 72, 16}, kTenth, 3, false, true);
    check_outer(type, {65, 136, 20}, kHalf, 2, true, false);
    check_outer(type, {130, 64, 64}, kTenth, 5, true, true);  // slices without rows
    check_outer(type, {70, 48, 128}, kNone, 1, false, false);
    in_every_order([&] { check_outer(type, {140, 72, 30}, kHalf, 2, false, true); });
  }
}

TEST_CASE("factors are rounded, widened and transposed") {
  for (const Type type : kTypes) {
    check_factor(type, 8, 8, 24, false);
    check_factor(type, 3, 8, 40, true);
    check_factor(type, 9, 16, 33, false);
  }
}
