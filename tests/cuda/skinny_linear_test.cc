#include "cuda/skinny_linear.h"

#include "cuda/compare.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

TEST_CASE("linear layers of few rows equal their plain twin") {
  struct Shape {
    size_t in, out;
  };
  for (const Type type : {Type::float16, Type::bfloat16}) {
    for (const Shape s : {Shape{8, 1}, {64, 16}, {520, 33}, {1096, 40}}) {
      for (const size_t rows : {1U, 5U, 8U, 9U, 17U, 32U}) {
        for (const bool with_bias : {false, true}) {
          CAPTURE(s.in, s.out, rows, with_bias, static_cast<int>(type));
          const auto x = normal(type, rows * s.in, 1, 0.25F), w = normal(type, s.out * s.in, 2),
                     b = normal(type, s.out, 3);
          std::vector<double> wanted;
          for (size_t r = 0; r < rows; ++r) {
            for (size_t o = 0; o < s.out; ++o) {
              double sum = with_bias ? b[o] : 0;
              for (size_t i = 0; i < s.in; ++i) sum += double{x[r * s.in + i]} * w[o * s.in + i];
              wanted.push_back(sum);
            }
          }
          const Values dx("x", type, x), dw("weight", type, w), db("bias", type, b),
              y("y", type, rows * s.out);
          const auto check = [&] {
            skinny_linear({type, dx.data(), dw.data(), with_bias ? db.data() : nullptr, y.data(),
                           static_cast<int>(rows), static_cast<int>(s.in), static_cast<int>(s.out)},
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
