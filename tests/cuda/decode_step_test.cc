#include "cuda/decode_step.h"

#include "cuda/compare.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

TEST_CASE("a drawn token moves its sequence on, padding stays") {
  constexpr int kStride = 3, kPage = 16, kRows = 5;
  const Buffer<int32_t> drawn("drawn", std::vector<int32_t>{7, -1, 9, 5, 6});
  const Buffer<int64_t> ids("ids", std::vector<int64_t>{1, 2, 3, 4, 5});
  // A page's middle, its last place, the end of the table, padding, a first token.
  const Buffer<int64_t> positions("positions", std::vector<int64_t>{20, 15, 47, 11, 0});
  const Buffer<int64_t> slots("slots", std::vector<int64_t>{-5, -5, -5, -5, -5});
  const Buffer<int32_t> lengths("lengths", std::vector<int32_t>{21, 16, 48, 0, 1});
  const Buffer<int32_t> tables("tables",
                               std::vector<int32_t>{4, 8, 2, 3, 9, 1, 5, 6, 7, 0, 0, 0, 10, 11, 12});
  decode_step({drawn.data(), ids.data(), positions.data(), slots.data(), lengths.data(), tables.data(),
               kStride, kPage, kRows},
              nullptr);
  CHECK(ids.read() == std::vector<int64_t>{7, 0, 9, 4, 6});
  CHECK(positions.read() == std::vector<int64_t>{21, 16, 48, 11, 1});
  CHECK(lengths.read() == std::vector<int32_t>{22, 17, 49, 0, 2});
  CHECK(slots.read() == std::vector<int64_t>{8 * 16 + 5, 9 * 16, -1, -5, 10 * 16 + 1});
}
