// Attention over pages of 8-bit keys and values.
#include "cuda/attention_plain.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

double fp8(uint8_t code) {
  const int exponent = code >> 3 & 15, fraction = code & 7;
  const double size = exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, exponent - 10);
  return (code & 128) != 0 ? -size : size;
}

// Keys or values: the pages' codes and scales, and what they mean, packed. What no sequence has may not reach
// a result: its scale or its code is NaN.
struct Coded {
  std::vector<uint8_t> codes;
  std::vector<float> scales, meaning;
};
Coded coded(KvType kind, const AttentionShape& s, const PageTable& table, size_t packed, uint32_t seed) {
  const bool int8 = kind == KvType::int8;
  const size_t rows = table.pages.size() * s.kv_heads * s.page_tokens;
  Coded c{std::vector<uint8_t>(rows * s.head_dim, 127), normal(Type::float32, int8 ? rows : s.kv_heads, seed),
          std::vector<float>(packed)};
  for (float& x : c.scales) x = (std::abs(x) + 0.2F) * (int8 ? 0.015F : 0.02F);
  std::vector<bool> kept(rows);
  std::mt19937 random(seed);
  for_kept_rows(s, table, [&](size_t from, size_t to) {
    kept[to] = true;
    const float scale = c.scales[int8 ? to : to / s.page_tokens % s.kv_heads];
    for (size_t d = 0; d < s.head_dim; ++d) {
      auto code = static_cast<uint8_t>(random());
      if ((code & 127) > 110) code = 0;  // no NaN, nothing huge
      c.codes[to * s.head_dim + d] = code;
      const double value = int8 ? static_cast<int8_t>(code) : fp8(code);
      c.meaning[from * s.head_dim + d] = static_cast<float>(value * scale);
    }
  });
  for (size_t row = 0; int8 && row < rows; ++row) {
    if (!kept[row]) c.scales[row] = NAN;
  }
  return c;
}

void check(Type type, KvType kind, const AttentionShape& s) {
  CAPTURE(static_cast<int>(type), static_cast<int>(kind), s.heads, s.kv_heads, s.head_dim, s.queries, s.keys);
  AttentionInputs in = inputs(type, s);
  const PageTable table = page_table(s);
  const Coded k = coded(kind, s, table, in.k.size(), 7), v = coded(kind, s, table, in.v.size(), 8);
  in.k = k.meaning;
  in.v = v.meaning;
  const AttentionResults wanted = plain(s, in);
  const auto tokens = static_cast<size_t>(starts(s.queries).back());
  const Values q("q", type, in.q), out("out", type, in.q.size());
  const Buffer<uint8_t> key_codes("key codes", k.codes), value_codes("value codes", v.codes);
  const Buffer<float> key_scales("key scales", k.scales), value_scales("value scales", v.scales),
      sinks("sinks", in.sinks), log_sums("log_sums", s.heads * tokens);
  const Buffer<int32_t> query_starts("query_starts", starts(s.queries)), pages("block_table", table.pages),
      lengths("lengths", s.keys);
  attention_forward({type,
                     q.data(),
                     key_codes.data(),
                     value_codes.data(),
                     query_starts.data(),
                     nullptr,
                     pages.data(),
                     lengths.data(),
                     static_cast<int>(table.stride),
                     static_cast<int>(s.page_tokens),
                     static_cast<int>(s.queries.size()),
                     *std::max_element(s.queries.begin(), s.queries.end()),
                     0,
                     static_cast<int>(tokens),
                     static_cast<int>(s.heads),
                     static_cast<int>(s.kv_heads),
                     static_cast<int>(s.head_dim),
                     1.0F / std::sqrt(static_cast<float>(s.head_dim)),
                     s.causal,
                     s.window,
                     s.soft_cap,
                     s.sinks ? sinks.data() : nullptr,
                     kind,
                     key_scales.data(),
                     value_scales.data()},
                    out.data(), log_sums.data(), nullptr);
  check_near(out.read(), wanted.out, type, 0.7);  // weights are rounded to the type before they meet values
  check_near(log_sums.read(), wanted.log_sums, Type::float32, 4.0);
}

}  // namespace

TEST_CASE("attention over pages of 8-bit keys and values equals its plain twin") {
  for (const Type type : {Type::float16, Type::bfloat16}) {
    for (const auto kind : {KvType::int8, KvType::fp8}) {
      for (const size_t dim : {64U, 80U, 96U, 128U, 192U, 256U})
        check(type, kind, {2, 1, dim, {19, 2}, {50, 2}, true, 0, 0, false, 16});
      check(type, kind, {4, 2, 64, {130, 1, 17}, {201, 77, 17}, true, 0, 0, false, 32});
      check(type, kind, {4, 4, 128, {40, 5}, {90, 70}, true, 33, 10.0F, true, 48});
      check(type, kind, {2, 2, 96, {33}, {65}, false, 0, 0, true, 16});
    }
  }
}

TEST_CASE("attention over 8-bit pages does not depend on the order of blocks and threads") {
  in_every_order([] {
    check(Type::bfloat16, KvType::int8, {2, 1, 64, {70, 5}, {160, 8}, true, 40, 0, true, 16});
    check(Type::float16, KvType::fp8, {2, 2, 128, {21}, {80}, true, 0, 0, false, 32});
  });
}
