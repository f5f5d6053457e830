#include "cuda/expert_product.h"

#include "cuda/compare.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

struct Shape {
  std::vector<int32_t> rows;  // of each expert
  size_t in, out;
};

// Sorted rows with their starts and tiles.
struct Rows {
  std::vector<int32_t> expert, starts = {0};
  std::vector<ExpertTile> tiles;

  explicit Rows(const std::vector<int32_t>& rows) {
    for (size_t e = 0; e < rows.size(); ++e) {
      for (int32_t first = 0; first < rows[e]; first += kProductRows)
        tiles.push_back(
            {static_cast<int32_t>(e), starts.back() + first, std::min(kProductRows, rows[e] - first)});
      expert.insert(expert.end(), static_cast<size_t>(rows[e]), static_cast<int32_t>(e));
      starts.push_back(starts.back() + rows[e]);
    }
    tiles.push_back({-1, 0, 0});
  }
};

void check_product(Type type, const Shape& s, bool turned) {
  CAPTURE(static_cast<int>(type), s.in, s.out, turned);
  const Rows rows(s.rows);
  const size_t choices = rows.expert.size(), depth = turned ? s.out : s.in, width = turned ? s.in : s.out;
  const auto x = normal(type, choices * depth, 1, 0.25F), w = normal(type, s.rows.size() * s.out * s.in, 2);
  std::vector<double> wanted(choices * width);
  for (size_t r = 0; r < choices; ++r) {
    const float* of_expert = &w[static_cast<size_t>(rows.expert[r]) * s.out * s.in];
    for (size_t c = 0; c < width; ++c) {
      for (size_t k = 0; k < depth; ++k)
        wanted[r * width + c] += double{x[r * depth + k]} * of_expert[turned ? k * s.in + c : c * s.in + k];
    }
  }
  const Values dx("x", type, x), dw("weight", type, w), y("y", type, choices * width);
  const Buffer<ExpertTile> tiles("tiles", rows.tiles);
  expert_product({type, dx.data(), dw.data(), turned, tiles.data(), static_cast<int>(tiles.size()), y.data(),
                  static_cast<int>(s.in), static_cast<int>(s.out)},
                 nullptr);
  check_near(y.read(), wanted, type, 1.0);
}

void check_outer(Type type, Type sum_type, const Shape& s) {
  CAPTURE(static_cast<int>(type), static_cast<int>(sum_type), s.in, s.out);
  const Rows rows(s.rows);
  const size_t choices = rows.expert.size();
  const auto y = normal(type, choices * s.out, 3, 0.25F), x = normal(type, choices * s.in, 4);
  std::vector<double> wanted(s.rows.size() * s.out * s.in);
  for (size_t r = 0; r < choices; ++r) {
    double* sum = &wanted[static_cast<size_t>(rows.expert[r]) * s.out * s.in];
    for (size_t o = 0; o < s.out; ++o)
      for (size_t i = 0; i < s.in; ++i) sum[o * s.in + i] += double{y[r * s.out + o]} * x[r * s.in + i];
  }
  const Values dy("y", type, y), dx("x", type, x), sum("sum", sum_type, wanted.size());
  const Buffer<int32_t> starts("starts", rows.starts);
  expert_outer({type, sum_type, dy.data(), dx.data(), starts.data(), sum.data(),
                static_cast<int>(s.rows.size()), static_cast<int>(s.in), static_cast<int>(s.out)},
               nullptr);
  check_near(sum.read(), wanted, sum_type, 2.0);
}

// Experts without rows, of one, of a whole tile, of several; more columns than a block has, and few.
const std::vector<Shape> kShapes = {{{3, 0, 64, 1}, 72, 136}, {{0, 130, 5}, 40, 8}, {{7}, 8, 264}};
// Columns that tensor cores do not take.
const Shape kOdd = {{2, 0, 67}, 19, 70};

}  // namespace

TEST_CASE("products of rows with their expert's weight equal their plain twin, both ways round") {
  for (const bool turned : {false, true}) {
    for (const Type type : kTypes) {
      for (const Shape& shape : kShapes) check_product(type, shape, turned);
      check_product(type, kOdd, turned);
    }
  }
}

TEST_CASE("sums of outer products over an expert's rows equal their plain twin") {
  for (const Type type : kTypes) {
    for (const Type sum_type : {type, Type::float32}) {
      for (const Shape& shape : kShapes) check_outer(type, sum_type, shape);
      check_outer(type, sum_type, kOdd);
    }
  }
}

TEST_CASE("products of experts do not depend on the order of blocks and threads") {
  in_every_order([] {
    check_product(Type::bfloat16, {{70, 1}, 40, 24}, false);
    check_product(Type::float16, {{70, 1}, 40, 24}, true);
    check_outer(Type::bfloat16, Type::float32, {{70, 1}, 40, 24});
    check_outer(Type::float32, Type::float32, {{3, 1}, 5, 7});
  });
}
