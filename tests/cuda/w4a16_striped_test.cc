#include "cuda/w4a16_striped.h"

#include <algorithm>

#include "cuda/int4_checkpoint.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

struct Shape {
  size_t in, out, group;
};

// All row counts and stripes over one packed weight; the last result must not depend on what came before it.
void check(Type type, GroupLayout layout, const Shape& s, bool act_order = false) {
  const Checkpoint c = checkpoint(layout, type, s.in, s.out, s.group, act_order);
  const PackedCheckpoint packed(c, layout, type, s.in, s.out, s.group);
  const PackedInt4 w = packed.weight();
  const size_t tiles = (s.out + kStripeOut - 1) / kStripeOut, units = tiles * (s.in / 64);
  const Buffer<int32_t> arrivals("arrivals", std::vector<int32_t>(tiles));
  for (const size_t rows : {1U, 8U, 13U, 32U, 64U}) {
    const auto x = normal(type, rows * s.in, 5, 0.25F), bias = normal(type, s.out, 6);
    const auto wanted = linear_of(c, x, rows % 2 == 0 ? std::vector<float>() : bias, rows, s.in, s.out);
    const Values dx("x", type, x), db("bias", type, bias), y("y", type, rows * s.out),
        ordered("ordered", type, rows * s.in);
    for (const size_t stripes : {size_t{1}, size_t{3}, size_t{7}, units}) {
      if (stripes > units) continue;
      CAPTURE(s.in, s.out, s.group, rows, stripes, static_cast<int>(type));
      const Buffer<float> partial("partial", 2 * stripes * rows * kStripeOut);
      striped_int4_linear({{type, dx.data(), w, rows % 2 == 0 ? nullptr : db.data(), y.data(),
                            static_cast<int>(rows), act_order ? ordered.data() : nullptr},
                           static_cast<int>(stripes),
                           partial.data(),
                           arrivals.data()},
                          nullptr);
      check_near(y.read(), wanted, type, 0.5);
    }
  }
}

}  // namespace

TEST_CASE("4-bit linear layers in stripes equal their plain twin") {
  for (const Type type : {Type::float16, Type::bfloat16}) {
    for (const auto layout : {GroupLayout::awq, GroupLayout::gptq}) {
      check(type, layout, {64, 16, 64});
      check(type, layout, {384, 272, 128});  // a last tile of 16 outputs
    }
    check(type, GroupLayout::awq, {1152, 128, 384});
    check(type, GroupLayout::awq, {384, 144, 32});
    check(type, GroupLayout::gptq, {192, 32, 96});  // a group that ends within a tile
    check(type, GroupLayout::gptq, {256, 144, 32}, true);
  }
}

TEST_CASE("stripes do not depend on the order of blocks") {
  in_every_order([] { check(Type::bfloat16, GroupLayout::gptq, {256, 144, 64}); });
  in_every_order([] { check(Type::float16, GroupLayout::gptq, {128, 144, 32}, true); });
}
