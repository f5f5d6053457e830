#include "cuda/routing.h"

#include <algorithm>
#include <numeric>

#include "cuda/compare.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

struct Shape {
  size_t tokens, experts, per_token;
  bool normalize;
};

struct Routed {
  std::vector<double> probabilities, shares;
  std::vector<int32_t> chosen;
};

std::vector<double> softmax(const float* scores, size_t count) {
  std::vector<double> p(scores, scores + count);
  const double top = *std::max_element(p.begin(), p.end());
  double sum = 0;
  for (double& x : p) sum += x = std::exp(x - top);
  for (double& x : p) x /= sum;
  return p;
}

Routed plain(const Shape& s, const std::vector<float>& scores) {
  Routed r;
  for (size_t t = 0; t < s.tokens; ++t) {
    const float* row = scores.data() + t * s.experts;
    const auto p = softmax(row, s.experts);
    r.probabilities.insert(r.probabilities.end(), p.begin(), p.end());
    std::vector<int32_t> best(s.experts);
    std::iota(best.begin(), best.end(), 0);
    std::stable_sort(best.begin(), best.end(), [&](int32_t a, int32_t b) { return row[a] > row[b]; });
    double total = 0;
    for (size_t j = 0; j < s.per_token; ++j) total += p[static_cast<size_t>(best[j])];
    for (size_t j = 0; j < s.per_token; ++j) {
      r.chosen.push_back(best[j]);
      r.shares.push_back(p[static_cast<size_t>(best[j])] / (s.normalize ? total : 1));
    }
  }
  return r;
}

// The gradient of sum d_shares shares + sum d_probabilities probabilities by central differences, the choices
// kept.
std::vector<double> slopes(const Shape& s, const std::vector<float>& scores,
                           const std::vector<int32_t>& chosen, const std::vector<float>& d_shares,
                           const std::vector<float>& d_probabilities) {
  const auto value = [&](size_t token, const std::vector<double>& row) {
    double sum = 0, result = 0, total = 0;
    for (const double x : row) sum += std::exp(x);
    for (size_t j = 0; j < s.per_token; ++j)
      total += std::exp(row[static_cast<size_t>(chosen[token * s.per_token + j])]) / sum;
    for (size_t j = 0; j < s.per_token; ++j) {
      const size_t at = token * s.per_token + j;
      const double p = std::exp(row[static_cast<size_t>(chosen[at])]) / sum;
      result += d_shares[at] * (s.normalize ? p / total : p);
    }
    for (size_t e = 0; e < row.size() && !d_probabilities.empty(); ++e)
      result += d_probabilities[token * s.experts + e] * std::exp(row[e]) / sum;
    return result;
  };
  constexpr double kStep = 1e-5;
  std::vector<double> gradient;
  for (size_t t = 0; t < s.tokens; ++t) {
    const auto from = scores.begin() + static_cast<std::ptrdiff_t>(t * s.experts);
    std::vector<double> row(from, from + static_cast<std::ptrdiff_t>(s.experts));
    for (size_t e = 0; e < s.experts; ++e) {
      const double x = row[e];
      row[e] = x + kStep;
      const double above = value(t, row);
      row[e] = x - kStep;
      gradient.push_back((above - value(t, row)) / (2 * kStep));
      row[e] = x;
    }
  }
  return gradient;
}

void check_routing(Type type, const Shape& s, bool with_probabilities) {
  CAPTURE(static_cast<int>(type), s.tokens, s.experts, s.per_token, s.normalize, with_probabilities);
  auto scores = normal(type, s.tokens * s.experts, 1, 1.5F);
  if (s.experts > 40) scores[40] = scores[3] = 6.0F;  // equal ones, of two lanes
  const Routed wanted = plain(s, scores);
  const Values in("scores", type, scores), d_scores("d_scores", type, scores.size());
  const Buffer<float> probabilities("probabilities", scores.size()), shares("shares", s.tokens * s.per_token);
  const Buffer<int32_t> chosen("chosen", s.tokens * s.per_token);
  const Routing a{type,
                  in.data(),
                  probabilities.data(),
                  chosen.data(),
                  shares.data(),
                  s.normalize,
                  static_cast<int64_t>(s.tokens),
                  static_cast<int>(s.experts),
                  static_cast<int>(s.per_token)};
  route_tokens(a, nullptr);
  CHECK(chosen.read() == wanted.chosen);
  check_near(shares.read(), wanted.shares, Type::float32, 0.5);
  check_near(probabilities.read(), wanted.probabilities, Type::float32, 0.5);
  const auto ds = normal(Type::float32, s.tokens * s.per_token, 2),
             dp = normal(Type::float32, with_probabilities ? scores.size() : 0, 3);
  const Buffer<float> d_shares("d_shares", ds), d_probabilities("d_probabilities", dp);
  route_tokens_backward(
      {a, d_shares.data(), with_probabilities ? d_probabilities.data() : nullptr, d_scores.data()}, nullptr);
  check_near(d_scores.read(), slopes(s, scores, wanted.chosen, ds, dp), type, 1.0);
}

// chosen: experts of `choices` rows.
void check_sort(const std::vector<int32_t>& experts_of, size_t experts, int tile_rows) {
  CAPTURE(experts_of.size(), experts, tile_rows);
  const size_t choices = experts_of.size();
  const auto tile_count =
      static_cast<size_t>(expert_tiles(static_cast<int64_t>(choices), static_cast<int>(experts), tile_rows));
  const Buffer<int32_t> chosen("chosen", experts_of), starts("starts", experts + 1), order("order", choices),
      places("places", choices), counts("counts", (choices + kSortChunk - 1) / kSortChunk * experts);
  const Buffer<ExpertTile> tiles("tiles", tile_count);
  sort_by_expert({chosen.data(), static_cast<int64_t>(choices), static_cast<int>(experts), starts.data(),
                  order.data(), places.data(), tiles.data(), tile_rows, counts.data()},
                 nullptr);
  std::vector<int32_t> wanted(choices), start(experts + 1), place(choices);
  std::iota(wanted.begin(), wanted.end(), 0);
  std::stable_sort(wanted.begin(), wanted.end(), [&](int32_t a, int32_t b) {
    return experts_of[static_cast<size_t>(a)] < experts_of[static_cast<size_t>(b)];
  });
  for (const int32_t expert : experts_of) ++start[static_cast<size_t>(expert) + 1];
  std::partial_sum(start.begin(), start.end(), start.begin());
  for (size_t i = 0; i < choices; ++i) place[static_cast<size_t>(wanted[i])] = static_cast<int32_t>(i);
  CHECK(starts.read() == start);
  CHECK(order.read() == wanted);
  CHECK(places.read() == place);
  std::vector<std::vector<int32_t>> expected;
  for (size_t e = 0; e < experts; ++e) {
    for (int32_t first = start[e]; first < start[e + 1]; first += tile_rows)
      expected.push_back({static_cast<int32_t>(e), first, std::min(tile_rows, start[e + 1] - first)});
  }
  REQUIRE(expected.size() <= tile_count);
  expected.resize(tile_count, {-1, 0, 0});
  std::vector<std::vector<int32_t>> got;
  for (const ExpertTile& tile : tiles.read()) got.push_back({tile.expert, tile.first, tile.rows});
  CHECK(got == expected);
}

std::vector<int32_t> random_experts(size_t choices, size_t experts, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int32_t> chosen(choices);
  for (int32_t& e : chosen) e = static_cast<int32_t>(random() % experts);
  return chosen;
}

}  // namespace

TEST_CASE("tokens are routed to their most probable experts, and the gradient goes back") {
  for (const Type type : kTypes) {
    check_routing(type, {5, 60, 4, true}, false);
    check_routing(type, {3, 128, 8, true}, true);
    check_routing(type, {2, 8, 2, false}, true);
    check_routing(type, {6, 33, 1, true}, false);  // one expert: its share is 1 and has no gradient
    check_routing(type, {1, 256, 32, false}, false);
    check_routing(type, {1, 500, 10, true}, true);
    in_every_order([&] { check_routing(type, {9, 3, 3, false}, false); });  // all experts
  }
}

TEST_CASE("scores that are not numbers still choose experts that exist") {
  const Values scores("scores", Type::float32, std::vector<float>(40, NAN));
  const Buffer<int32_t> chosen("chosen", 3);
  const Buffer<float> shares("shares", 3);
  route_tokens({Type::float32, scores.data(), nullptr, chosen.data(), shares.data(), true, 1, 40, 3},
               nullptr);
  CHECK(chosen.read() == std::vector<int32_t>{0, 1, 2});
  for (const float share : shares.read()) CHECK_FALSE(std::isfinite(share));
}

TEST_CASE("choices are sorted by expert, in their order") {
  check_sort({0}, 1, 8);
  check_sort({3, 1, 3, 0, 3}, 5, 2);
  check_sort(std::vector<int32_t>(40, 2), 4, 16);  // all of one
  check_sort(random_experts(1024, 128, 1), 128, 32);
  check_sort(random_experts(2500, 512, 2), 512, 16);
  in_every_order([] { check_sort(random_experts(1100, 60, 3), 60, 8); });
}
