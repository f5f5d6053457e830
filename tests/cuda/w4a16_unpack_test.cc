#include "cuda/w4a16_unpack.h"

#include "cuda/int4_checkpoint.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

void check(Type type, GroupLayout layout, size_t in, size_t out, size_t group, bool act_order) {
  CAPTURE(in, out, group, act_order, static_cast<int>(type));
  const Checkpoint c = checkpoint(layout, type, in, out, group, act_order);
  const PackedCheckpoint packed(c, layout, type, in, out, group);
  const Values values("values", type, in * out);
  unpack_int4(type, packed.weight(), values.data(), nullptr);
  std::vector<double> wanted;
  for (size_t o = 0; o < out; ++o) {
    for (size_t i = 0; i < in; ++i) wanted.push_back(c.meaning[i * out + o]);
  }
  check_near(values.read(), wanted, type, 0.5);
}

}  // namespace

TEST_CASE("packed 4-bit weights come back as the checkpoint means them") {
  for (const Type type : {Type::float16, Type::bfloat16}) {
    check(type, GroupLayout::awq, 64, 16, 64, false);
    check(type, GroupLayout::awq, 192, 48, 32, false);
    check(type, GroupLayout::gptq, 384, 16, 96, false);
    check(type, GroupLayout::gptq, 256, 32, 64, true);
  }
}
