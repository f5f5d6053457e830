// Grouped weights laid out for serving, against the product with their values.
#include "ops/code_panels.h"

#include "gradcheck.h"

using namespace swift;
using namespace swift::tests;

namespace {

struct Kind {
  int64_t bits, group;
  bool zeros, shuffled;
  at::ScalarType scales;
};

ops::GroupedCodes grouped(int64_t out, int64_t in, const Kind& kind) {
  const int64_t group = kind.group > 0 ? kind.group : in, groups = in / group;
  ops::GroupedCodes w{.bits = kind.bits, .in = in, .group = group};
  w.codes = ops::pack_bits(at::randint(int64_t{1} << kind.bits, {out, in}, at::kByte), kind.bits);
  w.scales = (at::rand({out, groups}) + 0.1).to(kind.scales);
  if (kind.zeros)
    w.zeros = at::randint((int64_t{1} << kind.bits) + (kind.bits < 8 ? 1 : 0), {out, groups}, at::kByte);
  if (kind.shuffled) w.g_idx = at::floor_divide(at::randperm(in, at::kLong), group).to(at::kInt);
  return w;
}

}  // namespace

TEST_CASE("a grouped weight laid out for serving gives the products of its values, each row by itself") {
  at::manual_seed(41);
  for (const Kind& kind : {Kind{4, 128, true, false, at::kHalf}, Kind{4, 128, false, false, at::kHalf},
                           Kind{4, 32, true, true, at::kFloat}, Kind{4, 64, false, true, at::kBFloat16},
                           Kind{4, 96, true, false, at::kHalf}, Kind{4, 0, true, false, at::kHalf},
                           Kind{2, 32, true, false, at::kHalf}, Kind{3, 64, false, false, at::kHalf},
                           Kind{8, 128, true, true, at::kHalf}, Kind{8, 0, false, false, at::kFloat}}) {
    for (const auto& [out, in] : {std::pair<int64_t, int64_t>{200, 384}, {33, 768}, {2, 40}}) {
      if (kind.group > 0 && in % kind.group != 0) continue;
      const ops::GroupedCodes w = grouped(out, in, kind);
      REQUIRE(ops::can_lay_out(w));
      for (const auto type : {at::kBFloat16, at::kFloat, at::kHalf}) {
        CAPTURE(kind.bits, kind.group, kind.zeros, kind.shuffled, out, in, type);
        const at::Tensor x = random({300, in}, type), bias = random({out}, type);
        const auto laid_out = ops::lay_out_codes(w, type);
        const at::Tensor values = ops::decode_plain(w, at::kFloat);
        CHECK(at::equal(laid_out->unpack(at::kFloat), values));
        const at::Tensor y = laid_out->product(x, bias), z = laid_out->logits(x);
        const at::Tensor want = at::linear(x.to(at::kFloat), values);
        CHECK(relative(z, want) < 1e-5);
        CHECK(relative(y, want + bias.to(at::kFloat)) < (type == at::kFloat ? 1e-5 : 5e-3));
        for (const int64_t rows : {1, 2, 9, 16, 17, 40, 65}) {
          CHECK(at::equal(laid_out->product(x.narrow(0, 3, rows), bias), y.narrow(0, 3, rows)));
          CHECK(at::equal(laid_out->logits(x.narrow(0, 3, rows)), z.narrow(0, 3, rows)));
        }
      }
    }
  }
}

TEST_CASE("with 8-bit activations a grouped weight gives the products of rounded ones, each row by itself") {
  at::manual_seed(43);
  for (const Kind& kind : {Kind{4, 128, true, false, at::kHalf}, Kind{4, 32, false, true, at::kFloat},
                           Kind{4, 96, true, true, at::kBFloat16}, Kind{4, 0, true, false, at::kHalf},
                           Kind{3, 64, true, false, at::kHalf}, Kind{8, 128, true, false, at::kHalf},
                           Kind{8, 32, false, true, at::kFloat}}) {
    for (const auto& [out, in] : {std::pair<int64_t, int64_t>{200, 384}, {33, 768}, {2, 40}}) {
      if (kind.group > 0 && in % kind.group != 0) continue;
      CAPTURE(kind.bits, kind.group, kind.zeros, kind.shuffled, out, in);
      const ops::GroupedCodes w = grouped(out, in, kind);
      const auto laid_out = ops::lay_out_codes(w, at::kBFloat16, true);
      const at::Tensor values = ops::decode_plain(w, at::kFloat);
      CHECK(at::equal(laid_out->unpack(at::kFloat), values));
      // Whole numbers with 127 in every chunk are their own codes: nothing is rounded.
      const at::Tensor whole = at::randint(-127, 128, {300, in}).to(at::kBFloat16);
      const at::Tensor order = w.g_idx.defined() ? at::argsort(w.g_idx, true, 0, false) : at::arange(in);
      whole.index_fill_(1, order.slice(0, 0, in, 32), 127);
      const at::Tensor z = laid_out->logits(whole);
      CHECK(relative(z, at::linear(whole.to(at::kFloat), values)) < 1e-5);
      const at::Tensor x = random({300, in}, at::kBFloat16), bias = random({out}, at::kBFloat16);
      const at::Tensor y = laid_out->product(x, bias);
      CHECK(relative(y, at::linear(x.to(at::kFloat), values, bias.to(at::kFloat))) < 2e-2);
      for (const int64_t rows : {1, 3, 4, 5, 16, 17, 40, 65}) {
        CHECK(at::equal(laid_out->product(x.narrow(0, 3, rows), bias), y.narrow(0, 3, rows)));
        CHECK(at::equal(laid_out->logits(whole.narrow(0, 3, rows)), z.narrow(0, 3, rows)));
      }
    }
  }
}

TEST_CASE("a grouped weight laid out for serving takes half a byte for a code, a scale and a zero point") {
  const Kind kind{4, 128, true, false, at::kHalf};
  CHECK(ops::lay_out_codes(grouped(64, 256, kind), at::kBFloat16)->bytes() == 64 * 128 + 64 * 2 * 3);
  CHECK(ops::lay_out_codes(grouped(64, 256, {4, 128, false, false, at::kHalf}), at::kBFloat16)->bytes() ==
        64 * 128 + 64 * 2 * 2);
}

TEST_CASE("groups of other sizes, and groups without their share of inputs, are not laid out") {
  CHECK_FALSE(ops::can_lay_out(grouped(8, 96, {4, 48, true, false, at::kHalf})));
  ops::GroupedCodes w = grouped(8, 96, {4, 32, true, true, at::kHalf});
  w.g_idx[0].fill_((w.g_idx[0].item<int>() + 1) % 3);
  CHECK_FALSE(ops::can_lay_out(w));
}

TEST_CASE("a low-rank update of a grouped weight is added before rounding") {
  const ops::GroupedCodes w = grouped(72, 128, {4, 64, true, false, at::kHalf});
  const at::Tensor x = random({20, 128}, at::kBFloat16), bias = random({72}, at::kBFloat16);
  const at::Tensor left = random({20, 4}, at::kBFloat16), right = random({72, 4}, at::kBFloat16);
  const auto laid_out = ops::lay_out_codes(w, at::kBFloat16);
  const at::Tensor y = laid_out->updated_product(
      x, bias, {left.const_data_ptr<at::BFloat16>(), right.const_data_ptr<at::BFloat16>(), 4});
  const auto wide = [](const at::Tensor& t) { return t.to(at::kFloat); };
  const at::Tensor want =
      at::linear(wide(x), ops::decode_plain(w, at::kFloat), wide(bias)) + at::mm(wide(left), wide(right).t());
  CHECK(relative(y, want) < 5e-3);
}

TEST_CASE("a weight rounded to 8 bits in groups is off by half a step at most") {
  for (const int64_t in : {256, 100}) {
    const at::Tensor w = random({40, in});
    const ops::GroupedCodes codes = ops::int8_codes(w);
    CHECK(codes.group == (in == 256 ? 128 : 100));
    const at::Tensor steps = codes.scales.to(at::kFloat).repeat_interleave(codes.group, 1);
    const at::Tensor off = (ops::decode_plain(codes, at::kFloat) - w).abs();
    // The scale's rounding to fp16 may leave the largest value a little beyond code 127.
    CHECK((off <= steps * (0.5 + 127 * 0x1p-11)).all().item<bool>());
  }
}
