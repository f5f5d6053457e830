// Quantized weights on a device against the same ones on the CPU.
#include "device/host_device.h"
#include "gradcheck.h"
#include "ops/four_bit.h"
#include "ops/int4_weight.h"
#include "ops/int8_weight.h"

using namespace swift;
using tests::host_device;
using tests::random;
using tests::relative;

namespace {

// Values and products of few and of many rows.
void check(const ops::QuantizedWeight& here, double tolerance) {
  const auto there = here.to(host_device());
  CHECK(there->device() == host_device());
  CHECK(there->bytes() > 0);
  const at::ScalarType type = here.compute_type();
  CHECK(relative(there->unpack(type), here.unpack(type)) < tolerance);
  const at::Tensor bias = random({here.sizes()[0]}, type);
  for (const int64_t rows : {1, 5, 70}) {
    CAPTURE(rows);
    const at::Tensor x = random({rows, here.sizes()[1]}, type);
    CHECK(relative(there->product(x.to(host_device()), {}), here.product(x, {})) < tolerance);
    CHECK(relative(there->product(x.to(host_device()), bias.to(host_device())), here.product(x, bias)) <
          tolerance);
  }
}

ops::GroupedCodes codes_of(int64_t bits, int64_t out, int64_t in, int64_t group) {
  const at::Tensor values = at::randint(0, int64_t{1} << bits, {out, in}, at::kByte);
  return {bits,
          in,
          group,
          ops::pack_bits(values, bits),
          at::rand({out, in / group}) + 0.1,
          at::randint(0, int64_t{1} << bits, {out, in / group}, at::kByte),
          {}};
}

}  // namespace

TEST_CASE("on a device, AWQ and GPTQ weights compute what they do on the CPU") {
  at::manual_seed(5);
  for (const auto type : {at::kBFloat16, at::kHalf}) {
    CAPTURE(type);
    ops::GroupedCodes codes = codes_of(4, 48, 192, 32);
    check(ops::Int4Weight(codes, type), 0.02);
    codes.zeros = at::Tensor();
    check(ops::Int4Weight(codes, type), 0.02);
    codes.g_idx = at::randperm(192, at::kInt).floor_divide(32).to(at::kInt);
    check(ops::Int4Weight(codes, type), 0.02);
    codes.g_idx.fill_(3);  // groups that are not whole
    check(ops::Int4Weight(codes, type), 0.02);
  }
  check(ops::Int4Weight(codes_of(4, 24, 64, 32), at::kFloat), 1e-5);
  for (const int64_t bits : {2, 3, 8})
    check(ops::Int4Weight(codes_of(bits, 24, 64, 32), at::kBFloat16), 0.02);
}

TEST_CASE("on a device, blocks of four bits, 8-bit rows and fp8 blocks compute what they do on the CPU") {
  at::manual_seed(6);
  const at::Tensor w = random({20, 200}, at::kBFloat16);
  for (const bool double_quant : {false, true}) {
    check(ops::FourBitWeight(w, ops::FourBitCode::nf4, double_quant, at::kBFloat16), 0.02);
    check(ops::FourBitWeight(w, ops::FourBitCode::fp4, double_quant, at::kFloat), 1e-5);
  }
  check(ops::Int8Weight(w, 200, at::kBFloat16), 0.02);
  check(ops::Int8Weight(w.to(at::kFloat), 64, at::kFloat), 1e-5);
  check(ops::Fp8Weight(w.to(at::kFloat8_e4m3fn), at::rand({1, 2}) + 0.5, 128, at::kBFloat16), 0.02);
}
