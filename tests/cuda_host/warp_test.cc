// Collectives of a warp against what the CUDA C++ Programming Guide says of them.
#include <catch2/catch.hpp>

#include "cuda_host/broken.h"

using namespace swift;
using namespace swift::cuda_host;
using cuda_test::Buffer;

namespace {

std::vector<int> lanes(const std::function<int(int)>& kernel) {
  Buffer<int> y("y", 32);
  const Found found =
      found_by(1, 32, 0, [&] { y.data()[threadIdx.x] = kernel(static_cast<int>(threadIdx.x)); });
  INFO(found.text);
  REQUIRE(!found.fault);
  return y.read();
}

}  // namespace

TEST_CASE("shuffles move values between lanes") {
  cuda_test::in_every_order([] {
    const auto at = lanes([](int lane) { return __shfl_sync(0xFFFFFFFF, lane * 10, 7); });
    const auto part = lanes([](int lane) { return __shfl_sync(0xFFFFFFFF, lane, 1, 8); });
    const auto cross = lanes([](int lane) { return __shfl_xor_sync(0xFFFFFFFF, lane, 3); });
    const auto up = lanes([](int lane) { return __shfl_up_sync(0xFFFFFFFF, lane, 2, 16); });
    const auto down = lanes([](int lane) { return __shfl_down_sync(0xFFFFFFFF, lane, 5); });
    for (int lane = 0; lane < 32; ++lane) {
      const auto i = static_cast<size_t>(lane);
      CHECK(at[i] == 70);
      CHECK(part[i] == lane / 8 * 8 + 1);
      CHECK(cross[i] == (lane ^ 3));
      CHECK(up[i] == (lane % 16 < 2 ? lane : lane - 2));
      CHECK(down[i] == (lane + 5 < 32 ? lane + 5 : lane));
    }
  });
}

TEST_CASE("halves of a warp meet apart") {
  cuda_test::in_every_order([] {
    const auto sums = lanes([](int lane) {
      const uint32_t mask = lane < 16 ? 0xFFFF : 0xFFFF0000;
      int sum = lane;
      for (int by = 8; by > 0; by /= 2) {
        if (lane < 16) {
          sum += __shfl_xor_sync(mask, sum, by);
        } else {
          sum += __shfl_xor_sync(mask, sum, by);
        }
      }
      return sum;
    });
    CHECK(sums[3] == 120);
    CHECK(sums[31] == 376);
  });
}

TEST_CASE("votes and sums") {
  CHECK(lanes([](int lane) { return static_cast<int>(__ballot_sync(0xFFFFFFFF, lane % 4 == 1)); })[9] ==
        0x22222222);
  CHECK(lanes([](int lane) { return __any_sync(0xFFFFFFFF, lane == 31); })[0] == 1);
  CHECK(lanes([](int lane) { return __all_sync(0xFFFFFFFF, lane < 31); })[0] == 0);
  CHECK(lanes([](int lane) { return __reduce_add_sync(0xFFFFFFFF, lane); })[5] == 496);
  CHECK(lanes([](int lane) { return __reduce_max_sync(0xFFFFFFFF, lane); })[5] == 31);
  CHECK(lanes([](int lane) { return __reduce_min_sync(0xFFFFFFFF, lane - 9); })[5] == -9);
}

TEST_CASE("barriers of a block count and vote") {
  Buffer<int> y("y", 96);
  const Found found = found_by(1, 96, 0, [&] {
    const int i = static_cast<int>(threadIdx.x);
    const int count = __syncthreads_count(i % 3 == 0);
    const int any = __syncthreads_or(i == 95);
    const int all = __syncthreads_and(i < 95);
    y.data()[i] = count * 100 + any * 10 + all;
  });
  INFO(found.text);
  REQUIRE(!found.fault);
  CHECK(y.read()[50] == 3210);
}

TEST_CASE("a named barrier holds its warps alone") {
  Buffer<int> y("y", 32);
  const Found found = found_by(1, 96, 0, [&] {
    SWIFT_SHARED(int, values, 32);
    if (threadIdx.x < 32) return;
    if (threadIdx.x < 64) values[threadIdx.x - 32] = static_cast<int>(threadIdx.x);
    cuda::named_barrier(1, 64);
    if (threadIdx.x >= 64) y.data()[threadIdx.x - 64] = values[95 - threadIdx.x];
  });
  INFO(found.text);
  REQUIRE(!found.fault);
  CHECK(y.read()[0] == 63);
}

TEST_CASE("bits and bytes") {
  CHECK(__byte_perm(0x33221100, 0x77665544, 0x7250) == 0x77225500);
  CHECK(__dp4a(0x01FF0203, 0x0402FF05, 7) == 7 + 3 * 5 - 2 - 2 + 4);
  CHECK(cuda::lop3<(0xF0 & 0xCC) | 0xAA>(0xFF00, 0x0FF0, 0x0001) == 0x0F01);
  CHECK(cuda::lop3<0x96>(0xFF00, 0x0FF0, 0x00FF) == (0xFF00U ^ 0x0FF0U ^ 0x00FFU));
  CHECK(__umulhi(0xD2511F53U, 0xFFFFFFFFU) == 0xD2511F52U);
}
