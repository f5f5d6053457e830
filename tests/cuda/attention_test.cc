#include "cuda/attention_hopper.h"
#include "cuda/attention_plain.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

// Packed rows moved into shuffled pages; what no sequence has is NaN and may not reach a result.
struct Paged {
  std::vector<float> keys, values;
  PageTable table{};
};
Paged paged(const AttentionShape& s, const AttentionInputs& in) {
  Paged p;
  p.table = page_table(s);
  p.keys.assign(p.table.pages.size() * s.kv_heads * s.page_tokens * s.head_dim, NAN);
  p.values = p.keys;
  for_kept_rows(s, p.table, [&](size_t from, size_t to) {
    for (size_t d = 0; d < s.head_dim; ++d) {
      p.keys[to * s.head_dim + d] = in.k[from * s.head_dim + d];
      p.values[to * s.head_dim + d] = in.v[from * s.head_dim + d];
    }
  });
  return p;
}

enum class Path { any, hopper };

void check(Type type, const AttentionShape& s, Path path = Path::any) {
  CAPTURE(static_cast<int>(type), s.heads, s.kv_heads, s.head_dim, s.queries, s.keys, s.causal, s.window);
  const AttentionInputs in = inputs(type, s);
  const AttentionResults wanted = plain(s, in);
  const bool in_pages = s.page_tokens > 0;
  const Paged p = in_pages ? paged(s, in) : Paged{};
  const auto tokens = static_cast<size_t>(starts(s.queries).back());
  const Values q("q", type, in.q), k("keys", type, in_pages ? p.keys : in.k),
      v("values", type, in_pages ? p.values : in.v), out("out", type, in.q.size()),
      d_out("d_out", type, in.d_out), dq("dq", type, in.q.size()), dk("dk", type, in.k.size()),
      dv("dv", type, in.v.size());
  const Buffer<int32_t> query_starts("query_starts", starts(s.queries)),
      key_starts("key_starts", starts(s.keys)), table("block_table", p.table.pages),
      lengths("lengths", s.keys);
  const Buffer<float> sinks("sinks", in.sinks), log_sums("log_sums", s.heads * tokens),
      dots("dots", s.heads * tokens), d_sinks("d_sinks", s.heads);
  const Attention a{type,
                    q.data(),
                    k.data(),
                    v.data(),
                    query_starts.data(),
                    in_pages ? nullptr : key_starts.data(),
                    in_pages ? table.data() : nullptr,
                    in_pages ? lengths.data() : nullptr,
                    static_cast<int>(p.table.stride),
                    static_cast<int>(s.page_tokens),
                    static_cast<int>(s.queries.size()),
                    *std::max_element(s.queries.begin(), s.queries.end()),
                    *std::max_element(s.keys.begin(), s.keys.end()),
                    static_cast<int>(tokens),
                    static_cast<int>(s.heads),
                    static_cast<int>(s.kv_heads),
                    static_cast<int>(s.head_dim),
                    1.0F / std::sqrt(static_cast<float>(s.head_dim)),
                    s.causal,
                    s.window,
                    s.soft_cap,
                    s.sinks ? sinks.data() : nullptr,
                    KvType::same,
                    nullptr,
                    nullptr,
                    starts(s.keys).back()};
  const auto check_forward = [&](auto forward) {
    forward(a, out.data(), log_sums.data(), nullptr);
    check_near(out.read(), wanted.out, type, 0.7);  // weights are rounded to the type before they meet values
    check_near(log_sums.read(), wanted.log_sums, Type::float32, 4.0);
  };
  if (path == Path::hopper) return check_forward(attention_forward_hopper);
  check_forward(attention_forward_any);
  if (in_pages) return;
  attention_backward({a, out.data(), log_sums.data(), d_out.data(), dq.data(), dk.data(), dv.data(),
                      s.sinks ? d_sinks.data() : nullptr, dots.data()},
                     nullptr);
  // The dots are sums over the rounded `out`; their error meets every key.
  check_near(dq.read(), wanted.dq, type, 1.5);
  check_near(dk.read(), wanted.dk, type, 1.5);
  check_near(dv.read(), wanted.dv, type, 1.5);
  if (s.sinks) check_near(d_sinks.read(), wanted.d_sinks, type, 4.0);
}

constexpr Type kHalves[] = {Type::float16, Type::bfloat16};

}  // namespace

TEST_CASE("attention of packed sequences, forward and backward, equals its plain twin") {
  for (const Type type : kHalves) {
    for (const size_t dim : {64U, 80U, 96U, 128U, 192U, 256U})
      check(type, {2, 1, dim, {37, 1}, {37, 1}, true, 0, 0, false, 0});
    check(type, {3, 3, 64, {150, 0, 33}, {150, 5, 33}, true, 0, 0, false, 0});  // two tiles; no queries
    check(type, {4, 2, 80, {20, 70}, {45, 100}, true, 24, 0, true, 0});         // window, sinks, a prefix
    check(type, {2, 2, 96, {33}, {65}, false, 0, 3.0F, false, 0});              // all keys, cap
    check(type, {6, 2, 64, {40, 3}, {40, 9}, true, 7, 2.0F, true, 0});          // everything
    check(type, {1, 1, 64, {9}, {4}, true, 0, 0, false, 0});  // queries before the first key see nothing
  }
}

TEST_CASE("attention over paged keys equals its plain twin") {
  for (const Type type : kHalves) {
    for (const size_t dim : {64U, 80U, 96U, 128U, 192U, 256U})
      check(type, {2, 1, dim, {19, 2}, {50, 2}, true, 0, 0, false, 16});
    check(type, {4, 2, 64, {130, 1, 17}, {201, 77, 17}, true, 0, 0, false, 32});
    check(type, {4, 4, 128, {40, 5}, {90, 70}, true, 33, 10.0F, true, 48});
  }
}

TEST_CASE("attention by products of warpgroups equals its plain twin") {
  if (!runs_hopper()) {
    WARN("skipped: the device is not of compute capability 9");
    return;
  }
  set_shared_limit(227 << 10);
  for (const Type type : kHalves) {
    for (const size_t dim : {64U, 128U, 256U}) {
      check(type, {2, 1, dim, {70, 1}, {70, 1}, true, 0, 0, false, 0}, Path::hopper);
      check(type, {1, 1, dim, {19, 2}, {50, 2}, true, 0, 0, false, 16}, Path::hopper);  // pages
    }
    check(type, {1, 1, 64, {390}, {390}, true, 0, 0, false, 0}, Path::hopper);                 // four tiles
    check(type, {1, 1, 128, {150, 0, 33}, {300, 5, 33}, true, 0, 0, false, 0}, Path::hopper);  // no queries
    check(type, {2, 1, 64, {20, 140}, {45, 300}, true, 24, 0, true, 0}, Path::hopper);  // window, sinks
    check(type, {1, 1, 128, {33}, {265}, false, 0, 3.0F, false, 0}, Path::hopper);      // all keys, cap
    check(type, {6, 2, 64, {40, 3}, {40, 9}, true, 7, 2.0F, true, 0}, Path::hopper);    // everything
    check(type, {1, 1, 64, {9}, {4}, true, 0, 0, false, 0}, Path::hopper);  // queries before the first key
    check(type, {2, 1, 128, {130, 1}, {201, 77}, true, 0, 0, false, 32}, Path::hopper);
    check(type, {2, 2, 256, {40, 5}, {90, 70}, true, 33, 0, true, 64}, Path::hopper);
  }
  in_every_order([] {
    check(Type::bfloat16, {1, 1, 64, {100, 5}, {300, 8}, true, 0, 0, true, 0}, Path::hopper);
  });
  set_shared_limit(99 << 10);
}

TEST_CASE("attention does not depend on the order of blocks and threads") {
  in_every_order([] {
    check(Type::bfloat16, {2, 1, 64, {70, 5}, {70, 8}, true, 40, 0, true, 0});
    check(Type::float16, {2, 1, 256, {20}, {40}, true, 0, 0, false, 0});
    check(Type::bfloat16, {2, 2, 128, {21}, {40}, true, 0, 0, false, 16});
  });
}
