// Attention in plain loops over packed sequences, forward and backward.
#pragma once
#include <algorithm>
#include <numeric>

#include "cuda/attention.h"
#include "cuda/compare.h"

namespace swift::cuda_test {

struct AttentionShape {
  size_t heads, kv_heads, head_dim;
  std::vector<int32_t> queries, keys;  // of each sequence
  bool causal;
  int window;
  float soft_cap;
  bool sinks;
  size_t page_tokens;  // 0: packed
};

inline std::vector<int32_t> starts(const std::vector<int32_t>& lengths) {
  std::vector<int32_t> sums{0};
  for (const int32_t length : lengths) sums.push_back(sums.back() + length);
  return sums;
}

struct AttentionInputs {
  std::vector<float> q, k, v, sinks, d_out;  // k and v packed
};
inline AttentionInputs inputs(Type type, const AttentionShape& s) {
  const auto of_query = static_cast<size_t>(starts(s.queries).back()) * s.heads * s.head_dim;
  const auto of_key = static_cast<size_t>(starts(s.keys).back()) * s.kv_heads * s.head_dim;
  return {normal(type, of_query, 1), normal(type, of_key, 2), normal(type, of_key, 3),
          normal(Type::float32, s.heads, 4), normal(type, of_query, 5)};
}

struct AttentionResults {
  std::vector<double> out, log_sums, dq, dk, dv, d_sinks;
};

// One query of one head: its weights over the keys, and the gradients they bring.
struct PlainRow {
  const AttentionShape& s;
  const AttentionInputs& in;
  AttentionResults& r;
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

inline AttentionResults plain(const AttentionShape& s, const AttentionInputs& in) {
  const auto query_starts = starts(s.queries), key_starts = starts(s.keys);
  const auto tokens = static_cast<size_t>(query_starts.back());
  AttentionResults r{std::vector<double>(in.q.size()), std::vector<double>(s.heads * tokens),
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

// Pages of each sequence in a shuffled order: (sequences, stride).
struct PageTable {
  size_t stride;
  std::vector<int32_t> pages;
};
inline PageTable page_table(const AttentionShape& s) {
  const auto longest = static_cast<size_t>(*std::max_element(s.keys.begin(), s.keys.end()));
  PageTable table{longest / s.page_tokens + 1, {}};
  table.pages.resize(table.stride * s.keys.size());
  std::iota(table.pages.begin(), table.pages.end(), 0);
  std::shuffle(table.pages.begin(), table.pages.end(), std::mt19937(1));
  return table;
}

// f(row of packed keys, row of pages) in units of head_dim values, for each key of each sequence and head.
template <class Function>
void for_kept_rows(const AttentionShape& s, const PageTable& table, Function f) {
  const auto key_starts = starts(s.keys);
  for (size_t b = 0; b < s.keys.size(); ++b) {
    for (size_t i = 0; i < static_cast<size_t>(s.keys[b]); ++i) {
      const auto page = static_cast<size_t>(table.pages[b * table.stride + i / s.page_tokens]);
      for (size_t h = 0; h < s.kv_heads; ++h) {
        f((static_cast<size_t>(key_starts[b]) + i) * s.kv_heads + h,
          (page * s.kv_heads + h) * s.page_tokens + i % s.page_tokens);
      }
    }
  }
}

}  // namespace swift::cuda_test
