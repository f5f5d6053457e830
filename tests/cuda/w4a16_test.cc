#include "cuda/w4a16.h"

#include "base/error.h"
#include "cuda/int4_checkpoint.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

struct Shape {
  size_t in, out, group;
};

void check(Type type, GroupLayout layout, const Shape& s, bool act_order) {
  const Checkpoint c = checkpoint(layout, type, s.in, s.out, s.group, act_order);
  const PackedCheckpoint packed(c, layout, type, s.in, s.out, s.group);
  for (const size_t rows : {1U, 3U, 8U, 9U, 16U, 32U}) {
    for (const bool with_bias : {false, true}) {
      CAPTURE(s.in, s.out, s.group, rows, with_bias, act_order, static_cast<int>(type));
      const auto x = normal(type, rows * s.in, 5, 0.25F), bias = normal(type, s.out, 6);
      const auto wanted = linear_of(c, x, with_bias ? bias : std::vector<float>(), rows, s.in, s.out);
      const Values dx("x", type, x), db("bias", type, bias), y("y", type, rows * s.out),
          ordered("ordered", type, rows * s.in);
      const auto run = [&] {
        int4_linear({type, dx.data(), packed.weight(), with_bias ? db.data() : nullptr, y.data(),
                     static_cast<int>(rows), act_order ? ordered.data() : nullptr},
                    nullptr);
        check_near(y.read(), wanted, type, 0.5);
      };
      if (rows == 9) {
        in_every_order(run);
      } else {
        run();
      }
    }
  }
}

}  // namespace

TEST_CASE("4-bit linear layers of few rows equal their plain twin") {
  for (const Type type : {Type::float16, Type::bfloat16}) {
    for (const auto layout : {GroupLayout::awq, GroupLayout::gptq}) {
      check(type, layout, {64, 16, 64}, false);
      check(type, layout, {640, 48, 128}, false);
      check(type, layout, {192, 16, 32}, false);
    }
    check(type, GroupLayout::awq, {1152, 32, 384}, false);
    check(type, GroupLayout::gptq, {384, 16, 96}, false);  // a group that ends within a tile
    check(type, GroupLayout::gptq, {640, 32, 32}, true);
    check(type, GroupLayout::gptq, {256, 16, 128}, true);
  }
}

TEST_CASE("act-order whose groups are not whole is refused") {
  using swift::base::Error;
  const std::vector<int32_t> whole{1, 0, 1, 0}, uneven{0, 0, 0, 1}, beyond{0, 2, 1, 0}, negative{0, -1, 1, 0};
  CHECK(order_of_groups(whole.data(), 4, 2) == std::vector<int32_t>{1, 3, 0, 2});
  for (const auto* g_idx : {&uneven, &beyond, &negative})
    CHECK_THROWS_AS(order_of_groups(g_idx->data(), 4, 2), Error);
}
