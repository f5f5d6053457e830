// The micro-kernel of packed panels against the product of the values.
#include "ops/panel_product.h"

#include "gradcheck.h"
#include "ops/gemm.h"

using namespace swift;
using namespace swift::tests;

namespace {

// (depth, columns) as words of two rows each.
at::Tensor packed_pairs(const at::Tensor& w) {
  return w.view({w.size(0) / 2, 2, w.size(1)}).transpose(1, 2).contiguous().view(at::kInt).squeeze(2);
}

at::Tensor product(const at::Tensor& a, const at::Tensor& packed, const at::Tensor& c, bool add) {
  const at::Tensor out = c.clone();
  ops::panel_product({a.size(0), packed.size(1), a.size(1), a.const_data_ptr<at::BFloat16>(), a.size(1),
                      reinterpret_cast<const uint32_t*>(packed.const_data_ptr<int32_t>()), packed.size(1),
                      out.data_ptr<float>(), packed.size(1), add});
  ops::release_panel_products();
  return out;
}

}  // namespace

TEST_CASE("a packed panel gives the products of its values, each row by itself") {
  if (!ops::has_panel_gemm()) {
    WARN("skipped: this processor has no AVX-512 BF16");
    return;
  }
  at::manual_seed(71);
  for (const auto& [columns, depth] :
       {std::pair<int64_t, int64_t>{128, 1024}, {64, 130}, {8, 2}, {80, 36}, {200, 258}}) {
    CAPTURE(columns, depth);
    const at::Tensor a = random({67, depth}, at::kBFloat16), w = random({depth, columns}, at::kBFloat16);
    const at::Tensor packed = packed_pairs(w), before = random({67, columns}, at::kFloat);
    const at::Tensor want = at::mm(a.to(at::kFloat), w.to(at::kFloat));
    const at::Tensor whole = product(a, packed, before, false), added = product(a, packed, before, true);
    CHECK(relative(whole, want) < 1e-5);
    CHECK(relative(added, want + before) < 1e-5);
    for (const int64_t rows : {1, 2, 3, 4, 6, 7, 13, 32}) {
      const at::Tensor part = a.narrow(0, 5, rows).contiguous();
      CHECK(at::equal(product(part, packed, before.narrow(0, 5, rows), false), whole.narrow(0, 5, rows)));
      CHECK(at::equal(product(part, packed, before.narrow(0, 5, rows), true), added.narrow(0, 5, rows)));
    }
  }
}
