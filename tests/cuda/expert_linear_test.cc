#include "cuda/expert_linear.h"

#include "cuda/int4_checkpoint.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

struct Shape {
  size_t tokens, per_token, experts, in, out;
  int tile_rows;
  bool sorted;  // x is in the order of experts
};

// The choices of a batch, sorted on the device, and the row of x that each sorted row has.
struct Sorted {
  std::vector<int32_t> expert;  // of each sorted row
  std::vector<size_t> source;
  Buffer<int32_t> order;
  Buffer<ExpertTile> tiles;

  explicit Sorted(const Shape& s)
      : order("order", s.tokens * s.per_token),
        tiles("tiles", static_cast<size_t>(expert_tiles(static_cast<int64_t>(s.tokens * s.per_token),
                                                        static_cast<int>(s.experts), s.tile_rows))) {
    const size_t choices = s.tokens * s.per_token;
    std::mt19937 random(9);
    std::vector<int32_t> chosen(choices);
    // The last expert gets nothing.
    for (int32_t& e : chosen) e = static_cast<int32_t>(random() % (s.experts - 1));
    const Buffer<int32_t> dchosen("chosen", chosen), starts("starts", s.experts + 1),
        places("places", choices), counts("counts", s.experts);
    sort_by_expert({dchosen.data(), static_cast<int64_t>(choices), static_cast<int>(s.experts), starts.data(),
                    order.data(), places.data(), tiles.data(), s.tile_rows, counts.data()},
                   nullptr);
    for (const int32_t choice : order.read()) {
      expert.push_back(chosen[static_cast<size_t>(choice)]);
      source.push_back(s.sorted ? source.size() : static_cast<size_t>(choice) / s.per_token);
    }
  }
  ExpertInputs inputs(Type type, const Shape& s, const Values& x, const Values& y) const {
    return {type,
            x.data(),
            s.sorted ? nullptr : order.data(),
            static_cast<int>(s.per_token),
            tiles.data(),
            static_cast<int>(tiles.size()),
            s.tile_rows,
            y.data()};
  }
};

// weights of each expert (in, out).
std::vector<double> plain(const Shape& s, const Sorted& sorted, const std::vector<float>& x,
                          const std::vector<std::vector<double>>& weights) {
  std::vector<double> y;
  for (size_t r = 0; r < sorted.expert.size(); ++r) {
    const auto& w = weights[static_cast<size_t>(sorted.expert[r])];
    for (size_t o = 0; o < s.out; ++o) {
      double sum = 0;
      for (size_t i = 0; i < s.in; ++i) sum += x[sorted.source[r] * s.in + i] * w[i * s.out + o];
      y.push_back(sum);
    }
  }
  return y;
}

void check(Type type, const Shape& s) {
  CAPTURE(static_cast<int>(type), s.tokens, s.experts, s.in, s.out, s.tile_rows, s.sorted);
  const Sorted sorted(s);
  const size_t choices = sorted.expert.size();
  const auto x = normal(type, (s.sorted ? choices : s.tokens) * s.in, 1, 0.25F),
             w = normal(type, s.experts * s.out * s.in, 2);
  std::vector<std::vector<double>> weights(s.experts, std::vector<double>(s.in * s.out));
  for (size_t e = 0; e < s.experts; ++e) {
    for (size_t i = 0; i < s.in * s.out; ++i)
      weights[e][i % s.in * s.out + i / s.in] = w[e * s.in * s.out + i];
  }
  const Values dx("x", type, x), dw("weight", type, w), y("y", type, choices * s.out);
  expert_linear(sorted.inputs(type, s, dx, y), dw.data(), static_cast<int>(s.in), static_cast<int>(s.out),
                nullptr);
  check_near(y.read(), plain(s, sorted, x, weights), type, 0.5);
}

void check_int4(Type type, const Shape& s, size_t group) {
  CAPTURE(static_cast<int>(type), s.tokens, s.experts, s.in, s.out, s.tile_rows, s.sorted, group);
  const Sorted sorted(s);
  const size_t choices = sorted.expert.size(), groups = s.in / group * s.out;
  const auto x = normal(type, (s.sorted ? choices : s.tokens) * s.in, 1, 0.25F);
  std::vector<std::vector<double>> weights;
  const Buffer<uint32_t> words("words", s.experts * s.in * s.out / 8);
  const Values scales("scales", type, s.experts * groups);
  const Buffer<uint8_t> zeros("zeros", s.experts * groups);
  const int in = static_cast<int>(s.in), out = static_cast<int>(s.out), g = static_cast<int>(group);
  for (size_t e = 0; e < s.experts; ++e) {
    const Checkpoint c =
        checkpoint(GroupLayout::awq, type, s.in, s.out, group, false, static_cast<uint32_t>(e));
    weights.push_back(c.meaning);
    const Buffer<uint32_t> qweight("qweight", c.words), qzeros("qzeros", c.zeros);
    const Values of_expert("scales of one", type, c.scales);
    pack_int4({type, type, GroupLayout::awq, qweight.data(), qzeros.data(), of_expert.data(), nullptr, 0,
               nullptr, in, out, g},
              {words.data() + e * s.in * s.out / 8,
               static_cast<std::byte*>(scales.data()) + e * groups * size_of(type), zeros.data() + e * groups,
               in, out, g},
              nullptr);
  }
  const Values dx("x", type, x), y("y", type, choices * s.out);
  expert_int4_linear(sorted.inputs(type, s, dx, y), {words.data(), scales.data(), zeros.data(), in, out, g},
                     nullptr);
  check_near(y.read(), plain(s, sorted, x, weights), type, 0.5);
}

}  // namespace

TEST_CASE("linear layers of experts equal their plain twin") {
  for (const Type type : {Type::float16, Type::bfloat16}) {
    check(type, {3, 2, 5, 72, 33, 8, false});
    check(type, {20, 3, 4, 128, 16, 16, false});
    check(type, {50, 2, 3, 64, 24, 32, true});
    check(type, {1, 1, 2, 520, 8, 8, true});
  }
}

TEST_CASE("4-bit linear layers of experts equal their plain twin") {
  for (const Type type : {Type::float16, Type::bfloat16}) {
    check_int4(type, {3, 2, 5, 128, 32, 8, false}, 64);
    check_int4(type, {20, 3, 4, 192, 16, 16, false}, 32);
    check_int4(type, {50, 2, 3, 128, 48, 32, true}, 128);
  }
}

TEST_CASE("linear layers of experts do not depend on the order of blocks and threads") {
  in_every_order([] {
    check(Type::bfloat16, {9, 2, 3, 72, 20, 8, false});
    check_int4(Type::float16, {9, 2, 3, 64, 16, 8, false}, 32);
  });
}
