#include "ops/kv_cache.h"

#include "gradcheck.h"
#include "ops/attention.h"
#include "ops/gemm.h"
#include "ops/packed_weight.h"
#include "ops/products.h"

using namespace swift;
using namespace swift::tests;

TEST_CASE("every kind of cache attends as packed attention does, and independently of the cut") {
  at::manual_seed(31);
  const int64_t tokens = 100;
  const at::Tensor q = random({tokens, 4, 32}), k = random({tokens, 2, 32}), v = random({tokens, 2, 32});
  const at::Tensor want = ops::PackedAttention::plain(q, k, v, {0, static_cast<int32_t>(tokens)}, 0.2);
  const std::vector<int32_t> blocks = {2, 0};
  for (const auto& [kind, tolerance] : {std::pair{ops::KvKind::model, 1e-5},
                                        {ops::KvKind::bfloat16, 2e-2},
                                        {ops::KvKind::float16, 2e-3},
                                        {ops::KvKind::int8, 3e-2}}) {
    CAPTURE(static_cast<int>(kind));
    const ops::KvShape shape{2, 3, 2, 32};
    const auto whole = ops::make_kv_cache(kind, at::kFloat, shape);
    whole->store(1, k, v, {{0, tokens, 0, blocks}});
    const at::Tensor got = whole->attend(1, q, {{0, tokens, 0, blocks}}, 0.2);
    CHECK(relative(got, want) < tolerance);
    const auto cut = ops::make_kv_cache(kind, at::kFloat, shape);
    for (int64_t start = 0; start < tokens; start += 33) {
      const int64_t count = std::min<int64_t>(33, tokens - start);
      const std::vector<ops::KvSegment> segments = {{0, count, start, blocks}};
      cut->store(1, k.narrow(0, start, count), v.narrow(0, start, count), segments);
      CHECK(at::equal(cut->attend(1, q.narrow(0, start, count), segments, 0.2), got.narrow(0, start, count)));
    }
  }
}

TEST_CASE("a packed weight gives the products of the plain one, each row by itself") {
  at::manual_seed(32);
  for (const auto type : {at::kBFloat16, at::kFloat, at::kHalf}) {
    for (const auto& [out, in] :
         {std::pair<int64_t, int64_t>{200, 96}, {128, 64}, {2, 2}, {33, 50}, {300, 2080}}) {
      CAPTURE(type, out, in);
      const at::Tensor w = random({out, in}, type), x = random({70, in}, type), bias = random({out}, type);
      const auto packed = ops::pack_weight(w);
      CHECK(at::equal(packed->unpack(type), w));
      const at::Tensor y = packed->product(x, bias), z = packed->logits(x);
      CHECK(relative(z, at::linear(x.to(at::kFloat), w.to(at::kFloat))) < 1e-5);
      CHECK(relative(y, at::linear(x.to(at::kFloat), w.to(at::kFloat), bias.to(at::kFloat))) < 1e-2);
      for (const int64_t rows : {1, 2, 17, 64}) {
        CHECK(at::equal(packed->product(x.narrow(0, 3, rows), bias), y.narrow(0, 3, rows)));
        CHECK(at::equal(packed->logits(x.narrow(0, 3, rows)), z.narrow(0, 3, rows)));
      }
      if (type == at::kBFloat16 && out % 2 == 0 && ops::has_panel_gemm())
        CHECK(at::equal(packed->product(x, {}), ops::product_nt(x, w, {})));
    }
  }
}
