// Grouped weights laid out for serving, against the product with their values.
#include "ops/code_panels.h"

#include <array>

#include "gradcheck.h"
#include "ops/int8_codes.h"

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

ops::QuantizedPtr lay_out(const ops::GroupedCodes& w, at::ScalarType type, bool int8_activations = false) {
  ops::LineMemory memory;
  return ops::lay_out_codes(w, type, memory, int8_activations);
}

// Rows of x multiplied alone give what they give among others.
void check_rows(const ops::QuantizedPtr& w, const at::Tensor& x, const at::Tensor& bias,
                std::initializer_list<int64_t> counts) {
  const at::Tensor y = w->product(x, bias), z = w->logits(x);
  for (const int64_t rows : counts) {
    CHECK(at::equal(w->product(x.narrow(0, 3, rows), bias), y.narrow(0, 3, rows)));
    CHECK(at::equal(w->logits(x.narrow(0, 3, rows)), z.narrow(0, 3, rows)));
  }
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
        const auto laid_out = lay_out(w, type);
        const at::Tensor values = ops::decode_plain(w, at::kFloat);
        CHECK(at::equal(laid_out->unpack(at::kFloat), values));
        const at::Tensor y = laid_out->product(x, bias), z = laid_out->logits(x);
        const at::Tensor want = at::linear(x.to(at::kFloat), values);
        CHECK(relative(z, want) < 1e-5);
        CHECK(relative(y, want + bias.to(at::kFloat)) < (type == at::kFloat ? 1e-5 : 5e-3));
        check_rows(laid_out, x, bias, {1, 2, 3, 4, 6, 9, 16, 17, 40, 65});
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
      const auto laid_out = lay_out(w, at::kBFloat16, true);
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
      check_rows(laid_out, x, bias, {1, 2, 3, 4, 5, 6, 13, 16, 17, 40, 65});
    }
  }
}

TEST_CASE("a grouped weight laid out for serving takes half a byte for a code, a scale and a zero point") {
  const Kind kind{4, 128, true, false, at::kHalf};
  CHECK(lay_out(grouped(64, 256, kind), at::kBFloat16)->bytes() == 64 * 128 + 64 * 2 * 3);
  CHECK(lay_out(grouped(64, 256, {4, 128, false, false, at::kHalf}), at::kBFloat16)->bytes() ==
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
  const auto laid_out = lay_out(w, at::kBFloat16);
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

TEST_CASE("an fp8 weight laid out for serving gives the products of its values") {
  at::manual_seed(47);
  for (const auto& [out, in, block] :
       {std::array<int64_t, 3>{200, 384, 128}, {33, 200, 128}, {130, 40, 64}, {64, 192, 96}}) {
    const auto count = [block = block](int64_t size) { return (size + block - 1) / block; };
    // All codes but the two that are no number.
    const at::Tensor bytes = at::randint(256, {out, in}, at::kByte);
    bytes.masked_fill_(bytes.bitwise_and(127).eq(127), 3);
    const at::Tensor factors = at::rand({count(out), count(in)}) + 0.1;
    for (const auto type : {at::kBFloat16, at::kFloat}) {
      CAPTURE(out, in, block, type);
      const ops::Fp8Weight w(bytes.view(at::kFloat8_e4m3fn), factors, block, type);
      ops::LineMemory memory;
      const auto laid_out = ops::lay_out_fp8(w, memory);
      const at::Tensor values = w.unpack(at::kFloat), x = random({100, in}, type), bias = random({out}, type);
      CHECK(at::equal(laid_out->unpack(at::kFloat), values));
      CHECK(relative(laid_out->logits(x), at::linear(x.to(at::kFloat), values)) < 1e-5);
      check_rows(laid_out, x, bias, {1, 2, 4, 7, 13, 33});
    }
  }
  ops::LineMemory memory;
  const ops::Fp8Weight odd(at::zeros({8, 48}, at::kByte).view(at::kFloat8_e4m3fn), at::ones({1, 1}), 48,
                           at::kFloat);
  CHECK(ops::lay_out_fp8(odd, memory) == nullptr);
}

TEST_CASE("weights with one input give together what they give alone") {
  at::manual_seed(53);
  const auto q = lay_out(grouped(200, 256, {4, 128, true, false, at::kHalf}), at::kBFloat16);
  const auto k = lay_out(grouped(33, 256, {4, 64, false, false, at::kHalf}), at::kBFloat16);
  const auto v = lay_out(grouped(96, 256, {8, 128, false, false, at::kFloat}), at::kBFloat16);
  const auto shuffled = lay_out(grouped(96, 256, {4, 128, false, true, at::kHalf}), at::kBFloat16);
  REQUIRE(q->goes_with(*v));
  CHECK_FALSE(q->goes_with(*k));
  CHECK_FALSE(q->goes_with(*shuffled));
  CHECK_FALSE(q->goes_with(*lay_out(grouped(96, 256, {4, 128, false, false, at::kHalf}), at::kFloat)));
  const at::Tensor bias = random({96}, at::kBFloat16);
  for (const int64_t rows : {1, 5, 40}) {
    const at::Tensor x = random({rows, 256}, at::kBFloat16);
    const auto both = q->products_together(x, {q.get(), v.get()}, {at::Tensor(), bias});
    CHECK(at::equal(both[0], q->product(x, {})));
    CHECK(at::equal(both[1], v->product(x, bias)));
  }
}

TEST_CASE("8-bit rows are the same numbers as grouped codes") {
  const at::Tensor w = random({40, 96});
  for (const int64_t group : {96, 32}) {
    const ops::Int8Weight rows(w, group, at::kFloat);
    REQUIRE(ops::has_row_groups(rows));
    CHECK(at::equal(ops::decode_plain(ops::grouped(rows), at::kFloat), rows.unpack(at::kFloat)));
  }
  CHECK_FALSE(ops::has_row_groups(ops::Int8Weight(w, 64, at::kFloat)));
}
