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
        const Buffer<uint32_t> qweight("qweight", c.words), qzeros("qzeros", c.zeros),
            words("words", s.in * s.out / 8);
        const Values scales("scales", type, c.scales), packed("packed scales", type, c.scales.size());
        const Buffer<uint8_t> zeros("zeros", c.scales.size());
        const PackedInt4 w{words.data(),           packed.data(),           zeros.data(),
                           static_cast<int>(s.in), static_cast<int>(s.out), static_cast<int>(s.group)};
        pack_int4({type, type, layout, qweight.data(), qzeros.data(), scales.data(), nullptr,
                   layout == GroupLayout::awq ? 0 : 1, nullptr, w.in, w.out, w.group},
                  w, nullptr);
        for (const size_t rows : {1U, 3U, 8U, 9U, 16U, 32U}) {
          for (const bool with_bias : {false, true}) {
            CAPTURE(s.in, s.out, rows, with_bias, static_cast<int>(type));
            const auto x = normal(type, rows * s.in, 5, 0.25F), bias = normal(type, s.out, 6);
            std::vector<double> wanted;
            for (size_t r = 0; r < rows; ++r) {
              for (size_t o = 0; o < s.out; ++o) {
                double sum = with_bias ? bias[o] : 0;
                for (size_t i = 0; i < s.in; ++i) sum += x[r * s.in + i] * c.meaning[i * s.out + o];
                wanted.push_back(sum);
              }
            }
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
