#include "cuda/paged_decode.h"

#include <algorithm>
#include <numeric>

#include "cuda/compare.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

struct Shape {
  size_t heads, kv_heads, head_dim, page_tokens;
  std::vector<int32_t> lengths;
  int window;
  float soft_cap;
  bool sinks;
  int chunk;
};

double fp8(uint8_t code) {
  const int exponent = code >> 3 & 15, fraction = code & 7;
  const double size = exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, exponent - 10);
  return (code & 128) != 0 ? -size : size;
}

// Keys or values of all pages: as stored, and what they mean.
struct Kept {
  std::vector<float> plain, scales;
  std::vector<uint8_t> codes;
  std::vector<double> meaning;
};
Kept kept(Type type, KvType kind, size_t pages, const Shape& s, uint32_t seed) {
  Kept k;
  const size_t rows = pages * s.kv_heads * s.page_tokens;
  std::mt19937 random(seed);
  if (kind == KvType::same) {
    k.plain = normal(type, rows * s.head_dim, seed);
    k.meaning.assign(k.plain.begin(), k.plain.end());
    return k;
  }
  k.scales = normal(Type::float32, kind == KvType::int8 ? rows : s.kv_heads, seed);
  for (float& x : k.scales) x = (std::abs(x) + 0.2F) * (kind == KvType::int8 ? 0.015F : 0.02F);
  for (size_t i = 0; i < rows * s.head_dim; ++i) {
    auto code = static_cast<uint8_t>(random());
    if ((code & 127) > 110) code = 0;  // no NaN, nothing huge
    k.codes.push_back(code);
    const size_t row = i / s.head_dim;
    const double scale = k.scales[kind == KvType::int8 ? row : row / s.page_tokens % s.kv_heads];
    k.meaning.push_back(scale * (kind == KvType::int8 ? static_cast<int8_t>(code) : fp8(code)));
  }
  return k;
}

// Positions that no sequence has hold NaN, in the pages or their scales: they may not reach a result.
void spoil(Kept& k, KvType kind, const Shape& s, const std::vector<int32_t>& table, size_t stride) {
  std::vector<bool> used(table.size() * s.page_tokens);
  for (size_t b = 0; b < s.lengths.size(); ++b) {
    for (size_t p = 0; p < static_cast<size_t>(s.lengths[b]); ++p) {
      used[static_cast<size_t>(table[b * stride + p / s.page_tokens]) * s.page_tokens + p % s.page_tokens] =
          true;
    }
  }
  for (size_t row = 0; row < used.size() * s.kv_heads; ++row) {
    const size_t page = row / (s.kv_heads * s.page_tokens);
    if (used[page * s.page_tokens + row % s.page_tokens]) continue;
    if (kind == KvType::int8) k.scales[row] = NAN;
    for (size_t d = row * s.head_dim; d < (row + 1) * s.head_dim; ++d) {
      if (kind == KvType::same) k.plain[d] = NAN;
      if (kind == KvType::fp8) k.codes[d] = 127;
    }
  }
}

std::vector<double> plain(const Shape& s, const std::vector<float>& q, const Kept& keys, const Kept& values,
                          const std::vector<int32_t>& table, size_t stride, double scale,
                          const std::vector<float>& sinks) {
  std::vector<double> out;
  for (size_t b = 0; b < s.lengths.size(); ++b) {
    const int length = s.lengths[b], start = s.window > 0 ? std::max(0, length - s.window) : 0;
    for (size_t h = 0; h < s.heads; ++h) {
      const size_t kv = h / (s.heads / s.kv_heads);
      std::vector<double> sum(s.head_dim);
      double total = s.sinks ? std::exp(double{sinks[h]}) : 0;
      for (int p = start; p < length; ++p) {
        const auto at = static_cast<size_t>(p);
        const size_t row =
            (static_cast<size_t>(table[b * stride + at / s.page_tokens]) * s.kv_heads + kv) * s.page_tokens +
            at % s.page_tokens;
        double dot = 0;
        for (size_t d = 0; d < s.head_dim; ++d) {
          dot += q[(b * s.heads + h) * s.head_dim + d] * keys.meaning[row * s.head_dim + d];
        }
        dot *= scale;
        if (s.soft_cap > 0) dot = s.soft_cap * std::tanh(dot / s.soft_cap);
        const double weight = std::exp(dot);
        total += weight;
        for (size_t d = 0; d < s.head_dim; ++d) sum[d] += weight * values.meaning[row * s.head_dim + d];
      }
      for (size_t d = 0; d < s.head_dim; ++d) out.push_back(length == 0 ? 0 : sum[d] / total);
    }
  }
  return out;
}

void check(Type type, KvType kind, const Shape& s) {
  CAPTURE(static_cast<int>(type), static_cast<int>(kind), s.heads, s.kv_heads, s.head_dim, s.window, s.sinks,
          s.lengths);
  const int longest = *std::max_element(s.lengths.begin(), s.lengths.end());
  const size_t stride = static_cast<size_t>(longest) / s.page_tokens + 1, pages = stride * s.lengths.size();
  std::vector<int32_t> table(pages);
  std::iota(table.begin(), table.end(), 0);
  std::shuffle(table.begin(), table.end(), std::mt19937(1));
  const auto q = normal(type, s.lengths.size() * s.heads * s.head_dim, 2),
             sinks = normal(Type::float32, s.heads, 3);
  Kept keys = kept(type, kind, pages, s, 4), values = kept(type, kind, pages, s, 5);
  spoil(keys, kind, s, table, stride);
  spoil(values, kind, s, table, stride);
  const double scale = 1 / std::sqrt(static_cast<double>(s.head_dim));
  const auto wanted = plain(s, q, keys, values, table, stride, scale, sinks);
  const int chunks = std::max(1, (longest + s.chunk - 1) / s.chunk);
  const Values dq("q", type, q), out("out", type, q.size()), k("keys", type, keys.plain),
      v("values", type, values.plain);
  const Buffer<uint8_t> kc("key codes", keys.codes), vc("value codes", values.codes);
  const Buffer<float> ks("key scales", keys.scales), vs("value scales", values.scales),
      dsinks("sinks", sinks);
  const Buffer<int32_t> dt("block_table", table), lengths("lengths", s.lengths);
  const size_t parts = s.lengths.size() * s.heads * static_cast<size_t>(chunks);
  const Buffer<float> partial("partial", parts * s.head_dim), sums("partial_sums", parts * 2);
  const bool same = kind == KvType::same;
  paged_decode({type,
                dq.data(),
                {kind, same ? k.data() : kc.data(), same ? v.data() : vc.data(), ks.data(), vs.data(),
                 static_cast<int>(s.page_tokens)},
                dt.data(),
                static_cast<int>(stride),
                lengths.data(),
                out.data(),
                static_cast<float>(scale),
                s.window,
                s.soft_cap,
                s.sinks ? dsinks.data() : nullptr,
                partial.data(),
                sums.data(),
                static_cast<int>(s.lengths.size()),
                static_cast<int>(s.heads),
                static_cast<int>(s.kv_heads),
                static_cast<int>(s.head_dim),
                chunks,
                s.chunk},
               nullptr);
  // Weights are rounded to the type before they meet the values.
  check_near(out.read(), wanted, type, type == Type::float32 ? 1.0 : 0.7);
}

}  // namespace

TEST_CASE("paged decode attention equals its plain twin") {
  for (const Type type : kTypes) {
    for (const auto kind : {KvType::same, KvType::int8, KvType::fp8}) {
      for (const size_t dim : {64U, 80U, 96U, 128U, 192U, 256U}) {
        check(type, kind, {4, 2, dim, 16, {37, 0, 1}, 0, 0, false, 32});
      }
      check(type, kind, {20, 1, 64, 32, {130, 64}, 0, 0, false, 64});   // more heads than a tile has rows
      check(type, kind, {3, 3, 128, 16, {200, 17}, 33, 0, false, 64});  // window, no groups
      check(type, kind, {8, 2, 96, 48, {100, 0, 48}, 40, 20.0F, true, 48});  // window, cap, sinks, padding
      check(type, kind, {2, 1, 80, 64, {300}, 0, 5.0F, true, 16});           // many chunks
    }
  }
}

TEST_CASE("a sequence's attention does not depend on its batch") {
  in_every_order([] {
    check(Type::bfloat16, KvType::same, {4, 1, 64, 16, {150, 20}, 0, 0, true, 32});
    check(Type::float16, KvType::int8, {4, 1, 64, 16, {70}, 0, 0, false, 128});
  });
  const auto q = normal(Type::bfloat16, 128, 1), pool = normal(Type::bfloat16, 6 * 16 * 64, 2);
  std::vector<float> results[2];
  for (const size_t batch : {1U, 3U}) {
    std::vector<float> queries;
    std::vector<int32_t> table, lengths;
    for (size_t b = 0; b < batch; ++b) {
      queries.insert(queries.end(), q.begin(), q.end());
      for (int32_t p = 0; p < 6; ++p) table.push_back(p);
      lengths.push_back(b == batch - 1 ? 90 : 33);
    }
    const int chunks = batch == 1 ? 3 : 5;  // a longer plan
    const Values dq("q", Type::bfloat16, queries), kv("pages", Type::bfloat16, pool),
        out("out", Type::bfloat16, batch * 128);
    const Buffer<int32_t> dt("block_table", table), dl("lengths", lengths);
    const Buffer<float> partial("partial", batch * 2 * 5 * 64), sums("partial_sums", batch * 2 * 5 * 2);
    paged_decode({Type::bfloat16,
                  dq.data(),
                  {KvType::same, kv.data(), kv.data(), nullptr, nullptr, 16},
                  dt.data(),
                  6,
                  dl.data(),
                  out.data(),
                  0.125F,
                  0,
                  0,
                  nullptr,
                  partial.data(),
                  sums.data(),
                  static_cast<int>(batch),
                  2,
                  1,
                  64,
                  chunks,
                  32},
                 nullptr);
    const auto all = out.read();
    results[batch == 1 ? 0 : 1].assign(all.end() - 128, all.end());
  }
  CHECK(results[0] == results[1]);
}
