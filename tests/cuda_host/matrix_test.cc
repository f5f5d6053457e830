// ldmatrix and mma.sync against matrices filled by the formulas of the PTX ISA 9.0, sections "Matrix
// fragments for mma.m16n8k16 with floating point type", "... for mma.m16n8k32" and "ldmatrix", written out
// value by value.
#include <catch2/catch.hpp>
#include <random>

#include "cuda_host/broken.h"

using namespace swift;
using namespace swift::cuda_host;
using cuda_test::Buffer;

namespace {

// Row and column of A's value i (0..7), of B's (0..3) and of C's (0..3) in a lane.
struct Cell {
  int row, column;
};
Cell a16(int lane, int i) {
  return {(i < 2 || (i >= 4 && i < 6)) ? lane >> 2 : (lane >> 2) + 8,
          lane % 4 * 2 + (i & 1) + (i < 4 ? 0 : 8)};
}
Cell b16(int lane, int i) {
  return {lane % 4 * 2 + (i & 1) + (i < 2 ? 0 : 8), lane >> 2};
}
Cell a8(int lane, int i) {
  return {(i < 4 || (i >= 8 && i < 12)) ? lane >> 2 : (lane >> 2) + 8,
          lane % 4 * 4 + (i & 3) + (i < 8 ? 0 : 16)};
}
Cell b8(int lane, int i) {
  return {lane % 4 * 4 + (i & 3) + (i < 4 ? 0 : 16), lane >> 2};
}
Cell c(int lane, int i) {
  return {i < 2 ? lane >> 2 : (lane >> 2) + 8, lane % 4 * 2 + (i & 1)};
}

template <class T>
void check_products() {
  std::mt19937 random(3);
  float a[16][16], b[16][8], start[16][8];
  const auto draw = [&] { return static_cast<float>(static_cast<int>(random() % 17) - 8) / 4; };
  for (auto& row : a)
    for (float& x : row) x = draw();
  for (auto& row : b)
    for (float& x : row) x = draw();
  for (auto& row : start)
    for (float& x : row) x = draw();
  Buffer<float> y("y", 16 * 8);
  const Found found = found_by(1, 32, 0, [&] {
    const int lane = static_cast<int>(threadIdx.x);
    uint32_t ra[4], rb[2];
    float rc[4];
    for (int i = 0; i < 8; i += 2) {
      const Cell at = a16(lane, i), next = a16(lane, i + 1);
      ra[i / 2] = cuda::pair_of<T>(a[at.row][at.column], a[next.row][next.column]);
    }
    for (int i = 0; i < 4; i += 2) {
      const Cell at = b16(lane, i), next = b16(lane, i + 1);
      rb[i / 2] = cuda::pair_of<T>(b[at.row][at.column], b[next.row][next.column]);
    }
    for (int i = 0; i < 4; ++i) rc[i] = start[c(lane, i).row][c(lane, i).column];
    cuda::mma_m16n8k16<T>(rc, ra, rb);
    for (int i = 0; i < 4; ++i) y.data()[c(lane, i).row * 8 + c(lane, i).column] = rc[i];
  });
  INFO(found.text);
  REQUIRE(!found.fault);
  const auto got = y.read();
  for (size_t m = 0; m < 16; ++m) {
    for (size_t n = 0; n < 8; ++n) {
      float sum = start[m][n];
      for (int k = 0; k < 16; ++k) sum += a[m][k] * b[k][n];
      CHECK(got[m * 8 + n] == sum);  // sums of sixteenths are exact
    }
  }
}

}  // namespace

TEST_CASE("mma.m16n8k16 multiplies the fragments of the PTX ISA") {
  check_products<cuda::bf16>();
  check_products<cuda::f16>();
}

TEST_CASE("mma.m16n8k32 multiplies the fragments of the PTX ISA") {
  std::mt19937 random(4);
  int8_t a[16][32], b[32][8];
  for (auto& row : a)
    for (int8_t& x : row) x = static_cast<int8_t>(random());
  for (auto& row : b)
    for (int8_t& x : row) x = static_cast<int8_t>(random());
  Buffer<int> y("y", 16 * 8);
  const Found found = found_by(1, 32, 0, [&] {
    const int lane = static_cast<int>(threadIdx.x);
    uint32_t ra[4] = {}, rb[2] = {};
    int32_t rc[4] = {lane, 0, 0, 0};
    for (int i = 0; i < 16; ++i) {
      const auto byte = static_cast<uint8_t>(a[a8(lane, i).row][a8(lane, i).column]);
      ra[i / 4] |= uint32_t{byte} << (8 * (i % 4));
    }
    for (int i = 0; i < 8; ++i) {
      const auto byte = static_cast<uint8_t>(b[b8(lane, i).row][b8(lane, i).column]);
      rb[i / 4] |= uint32_t{byte} << (8 * (i % 4));
    }
    cuda::mma_m16n8k32(rc, ra, rb);
    rc[0] -= lane;
    for (int i = 0; i < 4; ++i) y.data()[c(lane, i).row * 8 + c(lane, i).column] = rc[i];
  });
  INFO(found.text);
  REQUIRE(!found.fault);
  const auto got = y.read();
  for (size_t m = 0; m < 16; ++m) {
    for (size_t n = 0; n < 8; ++n) {
      int sum = 0;
      for (int k = 0; k < 32; ++k) sum += a[m][k] * b[k][n];
      CHECK(got[m * 8 + n] == sum);
    }
  }
}

TEST_CASE("ldmatrix gives each lane its pairs") {
  std::vector<uint16_t> source(4 * 64);
  for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<uint16_t>(i);
  Buffer<uint16_t> x("x", source);
  Buffer<uint32_t> plain("plain", 4 * 32), transposed("transposed", 4 * 32);
  const Found found = found_by(1, 32, 512, [&] {
    auto* shared = cuda::dynamic_shared<uint16_t>();
    cuda::store<8>(shared + 8 * threadIdx.x, cuda::load<8>(x.data() + 8 * threadIdx.x));
    __syncthreads();
    uint32_t r[4];
    cuda::load_matrices(r, shared + 8 * threadIdx.x);
    for (unsigned m = 0; m < 4; ++m) plain.data()[m * 32 + threadIdx.x] = r[m];
    cuda::load_matrices_transposed(r, shared + 8 * threadIdx.x);
    for (unsigned m = 0; m < 4; ++m) transposed.data()[m * 32 + threadIdx.x] = r[m];
    uint32_t two[2];
    cuda::load_matrices(two, shared + 8 * (threadIdx.x % 16));
    uint32_t one[1];
    cuda::load_matrices(one, shared + 8 * (threadIdx.x % 8));
    if (two[1] != plain.data()[32 + threadIdx.x] || one[0] != two[0]) plain.data()[threadIdx.x] = 0;
  });
  INFO(found.text);
  REQUIRE(!found.fault);
  const auto p = plain.read(), t = transposed.read();
  for (uint32_t m = 0; m < 4; ++m) {
    for (uint32_t lane = 0; lane < 32; ++lane) {
      const uint32_t low = m * 64 + lane / 4 * 8 + lane % 4 * 2;
      CHECK(p[m * 32 + lane] == (low | (low + 1) << 16));
      const uint32_t across = m * 64 + lane % 4 * 2 * 8 + lane / 4;
      CHECK(t[m * 32 + lane] == (across | (across + 8) << 16));
    }
  }
}

TEST_CASE("ldmatrix checks its rows") {
  CHECK(found_by(1, 32, 256, [] {
          uint32_t r[4];
          cuda::load_matrices(r, cuda::dynamic_shared<uint16_t>() + 8 * threadIdx.x);
        }).fault == Fault::bounds);
  CHECK(found_by(1, 32, 1024, [] {
          uint32_t r[4];
          cuda::load_matrices(r, cuda::dynamic_shared<uint16_t>() + 9 * threadIdx.x);
        }).fault == Fault::alignment);
}

TEST_CASE("16-bit values round to nearest even") {
  CHECK(to_half(65519.0F).bits == 0x7BFF);
  CHECK(to_half(65520.0F).bits == 0x7C00);
  CHECK(to_half(0x1p-25F).bits == 0);
  CHECK(to_half(0x1.8p-24F).bits == 2);
  CHECK(to_half(-0x1.FFFp-15F).bits == 0x8400);
  CHECK(to_half(1.00048828125F).bits == 0x3C00);
  CHECK(to_bf16(1.00390625F).bits == 0x3F80);
  CHECK(to_bf16(1.01171875F).bits == 0x3F82);
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const Half half{static_cast<uint16_t>(bits)};
    const float wide = to_float(half);
    if (!std::isnan(wide) && to_half(wide).bits != bits) FAIL("fp16 " << bits);
    const Bf16 brain{static_cast<uint16_t>(bits)};
    if (!std::isnan(to_float(brain)) && to_bf16(to_float(brain)).bits != bits) FAIL("bf16 " << bits);
  }
}
