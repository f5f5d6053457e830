// Attention of answers that share their prompt: the same as behind a prompt of their own.
#include "gradcheck.h"
#include "ops/attention.h"
#include "ops/gemm.h"

using namespace swift;
using namespace swift::tests;
using at::Tensor;

namespace {

struct Case {
  int64_t prefix;
  std::vector<int64_t> answers;
};

// Rows of the shared form that make up answer i behind its own copy of the prefix.
Tensor rows_of(const Case& c, size_t answer) {
  int64_t first = c.prefix;
  for (size_t i = 0; i < answer; ++i) first += c.answers[i];
  return at::cat({at::arange(c.prefix), at::arange(first, first + c.answers[answer])});
}

struct Results {
  Tensor out, dq, dk, dv;
};

template <class F>
Results run(const std::vector<Tensor>& in, const Tensor& grad, const F& attend) {
  std::vector<Tensor> leaves;
  for (const Tensor& t : in) leaves.push_back(t.detach().clone().requires_grad_(true));
  const Tensor out = attend(leaves);
  out.backward(grad);
  return {out.detach(), leaves[0].grad(), leaves[1].grad(), leaves[2].grad()};
}

// Every answer behind a copy of the prefix; the copies' gradients come together on the shared rows.
Tensor unshared(const std::vector<Tensor>& in, const Case& c, bool plain) {
  std::vector<Tensor> parts;
  for (size_t i = 0; i < c.answers.size(); ++i) {
    const Tensor rows = rows_of(c, i);
    const std::vector<int32_t> bounds = {0, static_cast<int32_t>(rows.size(0))};
    const auto part = [&](size_t t) { return in[t].index_select(0, rows); };
    const Tensor out = plain ? ops::PackedAttention::plain(part(0), part(1), part(2), bounds, 0.25)
                             : ops::PackedAttention::forward(part(0), part(1), part(2), bounds, 0.25);
    const int64_t from = i == 0 ? 0 : c.prefix;  // the prefix's own output once
    parts.push_back(out.narrow(0, from, out.size(0) - from));
  }
  return at::cat(parts, 0);
}

void check(const Case& c, at::ScalarType type, double tolerance) {
  std::vector<int32_t> bounds = {0, static_cast<int32_t>(c.prefix)};
  std::vector<uint8_t> continues = {0};
  for (const int64_t length : c.answers) {
    bounds.push_back(bounds.back() + static_cast<int32_t>(length));
    continues.push_back(1);
  }
  const int64_t tokens = bounds.back();
  const std::vector<Tensor> in = {random({tokens, 4, 16}, type), random({tokens, 2, 16}, type),
                                  random({tokens, 2, 16}, type)};
  const Tensor grad = random({tokens, 4, 16}, type);
  const auto got = run(in, grad, [&](const std::vector<Tensor>& x) {
    return ops::PackedAttention::forward(x[0], x[1], x[2], bounds, 0.25, continues);
  });
  const auto want = run(in, grad, [&](const std::vector<Tensor>& x) { return unshared(x, c, false); });
  // Ours bit for bit; the rows of ATen's kernel depend on how many there are.
  const bool ours = type == at::kBFloat16 && ops::has_panel_gemm();
  if (ours) CHECK(at::equal(got.out, want.out));
  CHECK(relative(got.out, want.out) < (ours || type == at::kFloat ? 1e-6 : tolerance));
  CHECK(relative(got.dq, want.dq) < tolerance);
  CHECK(relative(got.dk, want.dk) < tolerance);
  CHECK(relative(got.dv, want.dv) < tolerance);
  const auto plain = run(in, grad, [&](const std::vector<Tensor>& x) {
    return ops::PackedAttention::plain(x[0], x[1], x[2], bounds, 0.25, continues);
  });
  CHECK(relative(got.out, plain.out) < std::max(tolerance, 1e-5));
  CHECK(relative(got.dk, plain.dk) < std::max(tolerance, 1e-5));
}

}  // namespace

TEST_CASE("answers behind a shared prefix attend as behind one of their own, in bf16 bit for bit") {
  at::manual_seed(21);
  for (const Case& c : {Case{5, {3, 4}}, Case{64, {32, 1}}, Case{33, {70, 31, 2}}, Case{100, {1, 64}}}) {
    CAPTURE(c.prefix, c.answers.size());
    check(c, at::kFloat, 1e-5);
    check(c, at::kBFloat16, 2e-2);  // the parts of dk and dv are rounded apart there, together here
  }
}

TEST_CASE("several shared prefixes in one pack, some without answers, do not see each other") {
  at::manual_seed(22);
  const std::vector<int32_t> bounds = {0, 7, 12, 20, 31, 40, 40, 45};
  const std::vector<uint8_t> continues = {0, 1, 1, 0, 0, 1, 1};
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const Tensor q = random({45, 2, 16}, type), k = random({45, 1, 16}, type), v = random({45, 1, 16}, type);
    const Tensor got = ops::PackedAttention::forward(q, k, v, bounds, 0.3, continues);
    const Tensor want = ops::PackedAttention::plain(q, k, v, bounds, 0.3, continues);
    CHECK(relative(got, want) < tolerance_of(type).forward);
    const auto cut = [](const Tensor& t) { return t.narrow(0, 0, 20).contiguous(); };
    const Tensor alone =
        ops::PackedAttention::forward(cut(q), cut(k), cut(v), {0, 7, 12, 20}, 0.3, {0, 1, 1});
    CHECK(at::equal(alone, cut(got)));
  }
}
