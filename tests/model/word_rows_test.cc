// Codes of checkpoints to rows, against the way over one byte a code.
#include "model/packed/word_rows.h"

#include <catch2/catch.hpp>
#include <limits>

#include "model/packed/packing.h"
#include "ops/grouped_codes.h"

using namespace swift;

namespace {

at::Tensor words(int64_t rows, int64_t columns) {
  return at::randint(std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max(),
                     {rows, columns}, at::kLong)
      .to(at::kInt);
}

}  // namespace

TEST_CASE("AWQ's words become the rows that unpacking and packing give") {
  at::manual_seed(61);
  for (const auto& [in, columns] :
       {std::pair<int64_t, int64_t>{128, 16}, {8, 1}, {136, 17}, {256, 5}, {384, 33}}) {
    CAPTURE(in, columns);
    const at::Tensor packed = words(in, columns);
    CHECK(model::awq_rows(packed).equal(ops::pack_bits(model::unpack_awq(packed), 4)));
  }
}

TEST_CASE("words are transposed") {
  at::manual_seed(67);
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{16, 16}, {1, 40}, {33, 17}, {64, 3}}) {
    const at::Tensor packed = words(rows, columns);
    CHECK(model::transposed_words(packed).equal(packed.t()));
  }
}
