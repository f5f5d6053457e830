#include "cuda/w4a16.h"

#include "cuda/int4_checkpoint.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

TEST_CASE("4-bit linear layers of few rows equal their plain twin") {
  struct Shape {
    size_t in, out, group;
  };
  for (const Type type : {Type::float16, Type::bfloat16}) {
    for (const auto layout : {GroupLayout::awq, GroupLayout::gptq}) {
      for (const Shape s : {Shape{64, 16, 64}, {640, 48, 128}, {1152, 32, 384}}) {
        const Checkpoint c = checkpoint(layout, type, s.in, s.out, s.group);
        const PackedCheckpoint packed(c, layout, type, s.in, s.out, s.group);
        const PackedInt4 w = packed.weight();
        for (const size_t rows : {1U, 3U, 8U, 9U, 16U, 32U}) {
          for (const bool with_bias : {false, true}) {
            CAPTURE(s.in, s.out, rows, with_bias, static_cast<int>(type));
            const auto x = normal(type, rows * s.in, 5, 0.25F), bias = normal(type, s.out, 6);
            const auto wanted = linear_of(c, x, with_bias ? bias : std::vector<float>(), rows, s.in, s.out);
            const Values dx("x", type, x), db("bias", type, bias), y("y", type, rows * s.out);
            const auto check = [&] {
              int4_linear(
                  {type, dx.data(), w, with_bias ? db.data() : nullptr, y.data(), static_cast<int>(rows)},
                  nullptr);
              check_near(y.read(), wanted, type, 0.5);
            };
            if (rows == 9) {
              in_every_order(check);
            } else {
              check();
            }
          }
        }
      }
    }
  }
}
