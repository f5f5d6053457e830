#include "cuda/attention.h"

#include <algorithm>
#include <numeric>

#include "cuda/compare.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

struct Shape {
  size_t heads, kv_heads, head_dim;
  std::vector<int32_t> queries, keys;  // of each sequence
  bool causal;
  int window;
  float soft_cap;
  bool sinks;
  size_t page_tokens;  // 0: packed
};

std::vector<int32_t> starts(const std::vector<int32_t>& lengths) {
  std::vector<int32_t> sums{0};
  for (const int32_t length : lengths) sums.push_back(sums.back() + length);
  return sums;
}

struct Inputs {
  std::vector<float> q, k, v, sinks, d_out;  // k and v packed
};
Inputs inputs(Type type, const Shape& s) {
  const auto of_query = static_cast<size_t>(starts(s.queries).back()) * s.heads * s.head_dim;
  const auto of_key = static_cast<size_t>(starts(s.keys).back()) * s.kv_heads * s.head_dim;
  return {normal(type, of_query, 1), normal(type, of_key, 2), normal(type, of_key, 3),
          normal(Type::float32, s.heads, 4), normal(type, of_query, 5)};
}

struct Results {
  std::vector<double> out, log_sums, dq, dk, dv, d_sinks;
};

// One query of one head: its weights over the keys, and the gradients they bring.
struct PlainRow {
  const Shape& s;
  const Inputs& in;
  Results& r;
  size_t query, head, first_key, keys;
  int position;
  std::vector<double> weight, slope;  // of each key; d logit / d product
  double sink = 0;

  size_t q(size_t d) const { return (query * s.heads + head) * s.head_dim + d; }
  size_t k(size_t key, size_t d) const {
    return ((first_key + key) * s.kv_heads + head / (s.heads / s.kv_heads)) * s.head_dim + d;
  }
  double scale() const { return 1 / std::sqrt(static_cast<double>(s.head_dim)); }

  void forward(size_t tokens) {
    weight.assign(keys, 0);
    slope.assign(keys, 0);
    double total = s.sinks ? std::exp(double{in.sinks[head]}) : 0;
    sink = total;
    for (size_t j = 0; j < keys; ++j) {
      const int key = static_cast<int>(j);
      if ((s.causal && key > position) || (s.window > 0 && key <= position - s.window)) continue;
      double logit = 0;
      for (size_t d = 0; d < s.head_dim; ++d) logit += double{in.q[q(d)]} * in.k[k(j, d)];
      logit *= scale();
      slope[j] = scale();
      if (s.soft_cap > 0) {
        const double bent = std::tanh(logit / s.soft_cap);
        logit = s.soft_cap * bent;
        slope[j] *= 1 - bent * bent;
      }
      weight[j] = std::exp(logit);
      total += weight[j];
    }
    r.log_sums[head * tokens + query] = std::log(total);
    if (total == 0) return;
    sink /= total;
    for (size_t j = 0; j < keys; ++j) {
      weight[j] /= total;
      for (size_t d = 0; d < s.head_dim; ++d) r.out[q(d)] += weight[j] * in.v[k(j, d)];
    }
  }

  void backward() {
    double dot = 0;
    for (size_t d = 0; d < s.head_dim; ++d) dot += r.out[q(d)] * in.d_out[q(d)];
    r.d_sinks[head] -= sink * dot;
    for (size_t j = 0; j < keys; ++j) {
      if (weight[j] == 0) continue;
      double d_weight = 0;
      for (size_t d = 0; d < s.head_dim; ++d) d_weight += double{in.d_out[q(d)]} * in.v[k(j, d)];
      const double gradient = weight[j] * (d_weight - dot) * slope[j];
      for (size_t d = 0; d < s.head_dim; ++d) {
        r.dv[k(j, d)] += weight[j] * in.d_out[q(d)];
        r.dq[q(d)] += gradient * in.k[k(j, d)];
        r.dk[k(j, d)] += gradient * in.q[q(d)];
      }
    }
  }
};

Results plain(const Shape& s, const Inputs& in) {
  const auto query_starts = starts(s.queries), key_starts = starts(s.keys);
  const auto tokens = static_cast<size_t>(query_starts.back());
  Results r{std::vector<double>(in.q.size()), std::vector<double>(s.heads * tokens),
            std::vector<double>(in.q.size()), std::vector<double>(in.k.size()),
            std::vector<double>(in.k.size()), std::vector<double>(s.heads)};
  for (size_t b = 0; b < s.queries.size(); ++b) {
    for (int i = 0; i < s.queries[b]; ++i) {
      for (size_t head = 0; head < s.heads; ++head) {
        PlainRow row{s,
                     in,
                     r,
                     static_cast<size_t>(query_starts[b] + i),
                     head,
                     static_cast<size_t>(key_starts[b]),
                     static_cast<size_t>(s.keys[b]),
                     s.keys[b] - s.queries[b] + i,
                     {},
                     {}};
        row.forward(tokens);
        row.backward();
      }
    }
  }
  return r;
}

// Packed rows moved into shuffled pages; what no sequence has is NaN and may not reach a result.
struct Paged {
  std::vector<float> keys, values;
  std::vector<int32_t> table;
  size_t stride = 0;
};
Paged paged(const Shape& s, const Inputs& in) {
  Paged p;
  const auto longest = static_cast<size_t>(*std::max_element(s.keys.begin(), s.keys.end()));
  p.stride = longest / s.page_tokens + 1;
  p.table.resize(p.stride * s.keys.size());
  std::iota(p.table.begin(), p.table.end(), 0);
  std::shuffle(p.table.begin(), p.table.end(), std::mt19937(1));
  p.keys.assign(p.table.size() * s.kv_heads * s.page_tokens * s.head_dim, NAN);
  p.values = p.keys;
  const auto key_starts = starts(s.keys);
  for (size_t b = 0; b < s.keys.size(); ++b) {
    for (size_t i = 0; i < static_cast<size_t>(s.keys[b]); ++i) {
      const auto page = static_cast<size_t>(p.table[b * p.stride + i / s.page_tokens]);
      for (size_t h = 0; h < s.kv_heads; ++h) {
        const size_t from = ((static_cast<size_t>(key_starts[b]) + i) * s.kv_heads + h) * s.head_dim;
        const size_t to = ((page * s.kv_heads + h) * s.page_tokens + i % s.page_tokens) * s.head_dim;
        for (size_t d = 0; d < s.head_dim; ++d) {
          p.keys[to + d] = in.k[from + d];
          p.values[to + d] = in.v[from + d];
        }
      }
    }
  }
  return p;
}

void check(Type type, const Shape& s) {
  CAPTURE(static_cast<int>(type), s.heads, s.kv_heads, s.head_dim, s.queries, s.keys, s.causal, s.window);
  const Inputs in = inputs(type, s);
  const Results wanted = plain(s, in);
  const bool in_pages = s.page_tokens > 0;
  const Paged p = in_pages ? paged(s, in) : Paged{};
  const auto tokens = static_cast<size_t>(starts(s.queries).back());
  const Values q("q", type, in.q), k("keys", type, in_pages ? p.keys : in.k),
      v("values", type, in_pages ? p.values : in.v), out("out", type, in.q.size()),
      d_out("d_out", type, in.d_out), dq("dq", type, in.q.size()), dk("dk", type, in.k.size()),
      dv("dv", type, in.v.size());
  const Buffer<int32_t> query_starts("query_starts", starts(s.queries)),
      key_starts("key_starts", starts(s.keys)), table("block_table", p.table), lengths("lengths", s.keys);
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
                    static_cast<int>(p.stride),
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
                    s.sinks ? sinks.data() : nullptr};
  attention_forward(a, out.data(), log_sums.data(), nullptr);
  check_near(out.read(), wanted.out, type, 0.7);  // weights are rounded to the type before they meet values
  check_near(log_sums.read(), wanted.log_sums, Type::float32, 4.0);
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

TEST_CASE("attention does not depend on the order of blocks and threads") {
  in_every_order([] {
    check(Type::bfloat16, {2, 1, 64, {70, 5}, {70, 8}, true, 40, 0, true, 0});
    check(Type::float16, {2, 1, 256, {20}, {40}, true, 0, 0, false, 0});
    check(Type::bfloat16, {2, 2, 128, {21}, {40}, true, 0, 0, false, 16});
  });
}
