#include "cuda/expert_rows.h"

#include <algorithm>
#include <numeric>

#include "cuda/compare.h"
#include "cuda/keyed_dropout.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

void check(Type type, size_t tokens, size_t per_token, size_t columns, bool with_shares) {
  CAPTURE(static_cast<int>(type), tokens, per_token, columns, with_shares);
  const size_t choices = tokens * per_token;
  std::vector<int32_t> place(choices), order(choices);
  std::iota(place.begin(), place.end(), 0);
  std::shuffle(place.begin(), place.end(), std::mt19937(1));
  for (size_t i = 0; i < choices; ++i) order[static_cast<size_t>(place[i])] = static_cast<int32_t>(i);
  const auto x = normal(type, tokens * columns, 2), rows = normal(type, choices * columns, 3),
             dy = normal(type, tokens * columns, 4), share = normal(Type::float32, choices, 5);
  std::vector<double> sorted(choices * columns), y(tokens * columns), d_rows(choices * columns),
      d_shares(choices);
  for (size_t i = 0; i < choices; ++i) {
    const auto row = static_cast<size_t>(place[i]);
    for (size_t c = 0; c < columns; ++c) {
      const size_t at = i / per_token * columns + c;
      const double s = with_shares ? share[i] : 1;
      sorted[row * columns + c] = x[at];
      y[at] += s * rows[row * columns + c];
      d_rows[row * columns + c] = s * dy[at];
      d_shares[i] += double{dy[at]} * rows[row * columns + c];
    }
  }
  const Buffer<int32_t> dorder("order", order), places("places", place);
  const Buffer<float> shares("shares", share), got_shares("d_shares", choices);
  const Values dx("x", type, x), got_sorted("sorted", type, choices * columns), drows("rows", type, rows),
      got_y("y", type, tokens * columns), ddy("dy", type, dy);
  const auto n = static_cast<int>(columns), k = static_cast<int>(per_token);
  sort_rows({type, dx.data(), dorder.data(), got_sorted.data(), static_cast<int64_t>(choices), k, n},
            nullptr);
  check_near(got_sorted.read(), sorted, type);
  const CombineRows a{type,
                      drows.data(),
                      places.data(),
                      with_shares ? shares.data() : nullptr,
                      got_y.data(),
                      static_cast<int64_t>(tokens),
                      k,
                      n};
  combine_rows(a, nullptr);
  check_near(got_y.read(), y, type, 2.0);
  combine_rows_backward({a, ddy.data(), drows.data(), with_shares ? got_shares.data() : nullptr}, nullptr);
  check_near(drows.read(), d_rows, type);
  if (with_shares) check_near(got_shares.read(), d_shares, Type::float32, std::sqrt(double(columns)) * 4);
}

// Each expert's rows as keyed_dropout() drops them alone.
void check_drop(Type type, const std::vector<int32_t>& rows, size_t columns, int tile_rows) {
  CAPTURE(static_cast<int>(type), rows.size(), columns, tile_rows);
  std::vector<int32_t> starts = {0};
  std::vector<ExpertTile> parts;
  std::vector<uint64_t> key;
  for (const int32_t count : rows) {
    const auto expert = static_cast<int32_t>(key.size());
    for (int32_t first = 0; first < count; first += tile_rows)
      parts.push_back({expert, starts.back() + first, std::min(tile_rows, count - first)});
    starts.push_back(starts.back() + count);
    key.push_back(1000U + key.size() * 77U);
  }
  parts.push_back({-1, 0, 0});
  const size_t choices = static_cast<size_t>(starts.back());
  const auto x = normal(type, choices * columns, 6);
  const Values dx("x", type, x), got("y", type, choices * columns), want("alone", type, choices * columns);
  const auto at = [&](const Values& values, int32_t row) {
    return static_cast<std::byte*>(values.data()) + static_cast<size_t>(row) * columns * size_of(type);
  };
  for (size_t e = 0; e < rows.size(); ++e)
    keyed_dropout({type, at(dx, starts[e]), at(want, starts[e]), rows[e] * static_cast<int64_t>(columns), 0.3,
                   key[e] + 5},
                  nullptr);
  const Buffer<ExpertTile> tiles("tiles", parts);
  const Buffer<int32_t> dstarts("starts", starts);
  const Buffer<uint64_t> keys("keys", key), base("base", std::vector<uint64_t>{5});
  drop_expert_rows({type, dx.data(), got.data(), tiles.data(), dstarts.data(), keys.data(),
                    static_cast<int>(parts.size()), static_cast<int>(columns), 0.3, base.data()},
                   nullptr);
  CHECK(got.read() == want.read());
}

}  // namespace

TEST_CASE("each expert's rows are dropped with its own mask") {
  for (const Type type : kTypes) {
    check_drop(type, {5, 0, 9, 1}, 72, 4);
    in_every_order([&] { check_drop(type, {3, 2}, 8, 64); });
  }
}

TEST_CASE("rows are sorted by expert and combined again, forward and backward") {
  for (const Type type : kTypes) {
    check(type, 1, 1, 8, true);
    check(type, 7, 3, 264, true);
    check(type, 3, 8, 1032, false);
    in_every_order([&] { check(type, 5, 2, 72, true); });
  }
}
