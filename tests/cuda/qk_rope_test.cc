#include "cuda/qk_rope.h"

#include "cuda/compare.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

struct Shape {
  size_t tokens, heads, kv_heads, head_dim, rotary_dim;
};
constexpr Shape kShapes[] = {{3, 4, 2, 128, 128}, {2, 3, 1, 64, 64},   {1, 2, 2, 80, 80}, {5, 1, 1, 96, 48},
                             {2, 2, 1, 256, 256}, {1, 5, 1, 192, 192}, {2, 1, 1, 4, 4},   {1, 1, 1, 160, 0}};

struct Tables {
  std::vector<float> cos, sin;
};
Tables tables(size_t positions, size_t half) {
  Tables t;
  for (size_t p = 0; p < positions; ++p) {
    for (size_t i = 0; i < half; ++i) {
      const double angle =
          static_cast<double>(p) / std::pow(100.0, static_cast<double>(i) / static_cast<double>(half));
      t.cos.push_back(static_cast<float>(std::cos(angle)));
      t.sin.push_back(static_cast<float>(std::sin(angle)));
    }
  }
  return t;
}

// One head: normalised when w is not empty, turned by row `p` of the tables.
std::vector<double> plain_head(const float* x, const std::vector<float>& w, const Tables& t, size_t p,
                               size_t dim, size_t rotary, double direction = 1) {
  std::vector<double> y(x, x + dim);
  if (!w.empty()) {
    double squares = 0;
    for (const double v : y) squares += v * v;
    const double scale = 1 / std::sqrt(squares / static_cast<double>(dim) + 1e-6);
    for (size_t i = 0; i < dim; ++i) y[i] *= scale * w[i];
  }
  for (size_t i = 0; i < rotary / 2; ++i) {
    const double low = y[i], high = y[i + rotary / 2];
    const double c = t.cos[p * rotary / 2 + i], s = direction * t.sin[p * rotary / 2 + i];
    y[i] = low * c - high * s;
    y[i + rotary / 2] = high * c + low * s;
  }
  return y;
}

std::vector<double> plain_heads(const std::vector<float>& x, size_t stride, size_t first, size_t heads,
                                const std::vector<float>& w, const Tables& t,
                                const std::vector<int32_t>& positions, const Shape& s) {
  std::vector<double> y;
  for (size_t token = 0; token < s.tokens; ++token) {
    for (size_t h = 0; h < heads; ++h) {
      const auto head = plain_head(&x[token * stride + first + h * s.head_dim], w, t,
                                   static_cast<size_t>(positions[token]), s.head_dim, s.rotary_dim);
      y.insert(y.end(), head.begin(), head.end());
    }
  }
  return y;
}

// q, k, v as one projection lays them: (tokens, (heads + 2 kv_heads) head_dim).
struct Given {
  Shape s;
  Type type;
  size_t stride, k_at, v_at;
  std::vector<float> qkv, q_weight, k_weight;
  std::vector<int32_t> positions;
  Tables t;
  std::vector<double> q, k, v;
};
Given given(const Shape& s, Type type, bool norm) {
  Given g{s,
          type,
          (s.heads + 2 * s.kv_heads) * s.head_dim,
          s.heads * s.head_dim,
          (s.heads + s.kv_heads) * s.head_dim,
          {},
          {},
          {},
          {},
          tables(40, s.rotary_dim / 2),
          {},
          {},
          {}};
  g.qkv = normal(type, s.tokens * g.stride, 1);
  if (norm) {
    g.q_weight = normal(type, s.head_dim, 2);
    g.k_weight = normal(type, s.head_dim, 3);
  }
  for (size_t i = 0; i < s.tokens; ++i) g.positions.push_back(static_cast<int32_t>((i * 17 + 5) % 40));
  g.q = plain_heads(g.qkv, g.stride, 0, s.heads, g.q_weight, g.t, g.positions, s);
  g.k = plain_heads(g.qkv, g.stride, g.k_at, s.kv_heads, g.k_weight, g.t, g.positions, s);
  for (size_t token = 0; token < s.tokens; ++token) {
    for (size_t i = 0; i < s.kv_heads * s.head_dim; ++i) g.v.push_back(g.qkv[token * g.stride + g.v_at + i]);
  }
  return g;
}

double fp8(uint8_t code) {
  const int exponent = code >> 3 & 15, fraction = code & 7;
  const double size = exponent == 0 ? std::ldexp(fraction, -9) : std::ldexp(8 + fraction, exponent - 10);
  return (code & 128) != 0 ? -size : size;
}

constexpr size_t kPages = 3, kPageTokens = 4;

// The keys or the values of a cache, as stored.
struct Kept {
  Values plain;
  Buffer<uint8_t> codes;
  Buffer<float> scales;

  Kept(const char* name, Type type, KvType kind, const Shape& s)
      : plain(name, type, std::vector<float>(kPages * s.kv_heads * kPageTokens * s.head_dim)),
        codes(name, std::vector<uint8_t>(kPages * s.kv_heads * kPageTokens * s.head_dim)),
        scales(name, std::vector<float>(kind == KvType::fp8 ? s.kv_heads : kPages * s.kv_heads * kPageTokens,
                                        0.01F)) {}
  void* data(KvType kind) const { return kind == KvType::same ? plain.data() : codes.data(); }
};

// Every kept head must lie in its page: wanted (tokens, kv_heads, head_dim).
void check_pages(const Kept& kept, KvType kind, Type type, const Shape& s, const std::vector<int64_t>& slots,
                 const std::vector<double>& wanted) {
  const auto stored = kept.plain.read();
  const auto code = kept.codes.read();
  const auto factor = kept.scales.read();
  for (size_t pair = 0; pair < s.tokens * s.kv_heads; ++pair) {
    const size_t token = pair / s.kv_heads, head = pair % s.kv_heads;
    if (slots[token] < 0) continue;
    const auto slot = static_cast<size_t>(slots[token]);
    const size_t row = (slot / kPageTokens * s.kv_heads + head) * kPageTokens + slot % kPageTokens;
    const double* want = &wanted[pair * s.head_dim];
    double largest = 0;
    for (size_t i = 0; i < s.head_dim; ++i) largest = std::max(largest, std::abs(want[i]));
    for (size_t i = 0; i < s.head_dim; ++i) {
      const size_t at = row * s.head_dim + i;
      double got = stored[at], slack = step(type) * 4;
      if (kind == KvType::int8) {
        got = static_cast<int8_t>(code[at]) * double{factor[row]};
        slack += largest / 127 * 0.51;
      } else if (kind ==
                 KvType::fp8) {  // half a step of 3 bits, of the smallest values, or what is above 448
        got = fp8(code[at]) * double{factor[head]};
        slack += 0.01 * 0x1p-10 + std::abs(want[i]) / 15.9 + std::max(0.0, std::abs(want[i]) - 4.48);
      }
      if (!(std::abs(got - want[i]) <= slack)) {
        CAPTURE(token, head, i, got, want[i]);
        FAIL("page");
      }
    }
  }
}

void check_forward(Type type, const Shape& s, bool norm, KvType kind) {
  CAPTURE(s.head_dim, s.rotary_dim, norm, static_cast<int>(kind), static_cast<int>(type));
  const Given g = given(s, type, norm);
  // The first token is not kept; the others are spread over the pages.
  std::vector<int64_t> slots;
  for (size_t i = 0; i < s.tokens; ++i) {
    slots.push_back(i == 0 && s.tokens > 1 ? -1 : static_cast<int64_t>(i * 5 % 12));
  }
  const Values qkv("qkv", type, g.qkv), q("q", type, g.q.size()), k("k", type, g.k.size());
  const Values qw("q_weight", type, g.q_weight), kw("k_weight", type, g.k_weight);
  const Buffer<float> cos("cos", g.t.cos), sin("sin", g.t.sin);
  const Buffer<int32_t> positions("positions", g.positions);
  const Buffer<int64_t> slot("slots", slots);
  const Kept keys("keys", type, kind, s), values("values", type, kind, s);
  auto* base = static_cast<std::byte*>(qkv.data());
  QkRope a{};
  a.type = type;
  a.q = base;
  a.k = base + g.k_at * size_of(type);
  a.v = base + g.v_at * size_of(type);
  a.q_stride = a.k_stride = a.v_stride = static_cast<int64_t>(g.stride);
  a.q_out = q.data();
  a.k_out = k.data();
  a.q_weight = norm ? qw.data() : nullptr;
  a.k_weight = norm ? kw.data() : nullptr;
  a.eps = 1e-6F;
  a.cos = cos.data();
  a.sin = sin.data();
  a.positions = positions.data();
  a.rotary_dim = static_cast<int>(s.rotary_dim);
  a.pages = {kind, keys.data(kind), values.data(kind), keys.scales.data(), values.scales.data(), kPageTokens};
  a.slots = slot.data();
  a.tokens = static_cast<int64_t>(s.tokens);
  a.heads = static_cast<int>(s.heads);
  a.kv_heads = static_cast<int>(s.kv_heads);
  a.head_dim = static_cast<int>(s.head_dim);
  qk_rope_forward(a, nullptr);
  check_near(q.read(), g.q, type, 3);
  check_near(k.read(), g.k, type, 3);
  check_pages(keys, kind, type, s, slots, g.k);
  check_pages(values, kind, type, s, slots, g.v);
  a.pages = {};
  a.slots = nullptr;
  qk_rope_forward(a, nullptr);  // as in training
  check_near(k.read(), g.k, type, 3);
}

struct Gradients {
  std::vector<double> dx, dw;  // dx as qkv lies
};
Gradients plain_gradients(const Given& g, const std::vector<float>& dy) {
  const Shape& s = g.s;
  Gradients out{std::vector<double>(s.tokens * g.stride), std::vector<double>(s.head_dim)};
  for (size_t pair = 0; pair < s.tokens * s.heads; ++pair) {
    const size_t token = pair / s.heads, at = token * g.stride + pair % s.heads * s.head_dim;
    const float* x = &g.qkv[at];
    auto back = plain_head(&dy[pair * s.head_dim], {}, g.t, static_cast<size_t>(g.positions[token]),
                           s.head_dim, s.rotary_dim, -1);
    if (!g.q_weight.empty()) {
      double squares = 0, dot = 0;
      for (size_t i = 0; i < s.head_dim; ++i) squares += double{x[i]} * x[i];
      const double scale = 1 / std::sqrt(squares / static_cast<double>(s.head_dim) + 1e-6);
      for (size_t i = 0; i < s.head_dim; ++i) {
        out.dw[i] += back[i] * x[i] * scale;
        back[i] *= g.q_weight[i];
        dot += back[i] * x[i];
      }
      for (size_t i = 0; i < s.head_dim; ++i) {
        back[i] = scale * (back[i] - x[i] * scale * scale * dot / static_cast<double>(s.head_dim));
      }
    }
    for (size_t i = 0; i < s.head_dim; ++i) out.dx[at + i] = back[i];
  }
  return out;
}

}  // namespace

TEST_CASE("norm, rotation and the cache's writes equal their plain twins") {
  for (const Type type : kTypes) {
    for (const Shape& s : kShapes) {
      for (const bool norm : {false, true}) {
        for (const auto kind : {KvType::same, KvType::int8, KvType::fp8}) check_forward(type, s, norm, kind);
      }
    }
  }
}

TEST_CASE("the gradient of norm and rotation equals its plain twin") {
  for (const Type type : kTypes) {
    for (const Shape& s : kShapes) {
      for (const bool norm : {false, true}) {
        CAPTURE(s.head_dim, s.rotary_dim, norm, static_cast<int>(type));
        const Given g = given(s, type, norm);
        const auto dy = normal(type, s.tokens * s.heads * s.head_dim, 5);
        const auto [dx, dw] = plain_gradients(g, dy);
        const Values x("x", type, g.qkv), grad("dy", type, dy), w("weight", type, g.q_weight);
        const Values out("dx", type, std::vector<float>(dx.size())), dweight("dweight", type, s.head_dim);
        const Buffer<float> cos("cos", g.t.cos), sin("sin", g.t.sin),
            partial("partial", kRopeSlices * s.head_dim);
        const Buffer<int32_t> positions("positions", g.positions);
        const auto stride = static_cast<int64_t>(g.stride);
        RopeBackward a{type,
                       grad.data(),
                       x.data(),
                       stride,
                       out.data(),
                       stride,
                       norm ? w.data() : nullptr,
                       norm ? dweight.data() : nullptr,
                       partial.data(),
                       1e-6F,
                       cos.data(),
                       sin.data(),
                       positions.data(),
                       static_cast<int>(s.rotary_dim),
                       static_cast<int64_t>(s.tokens),
                       static_cast<int>(s.heads),
                       static_cast<int>(s.head_dim)};
        rope_backward(a, nullptr);
        check_near(out.read(), dx, type, 3);
        if (!norm) continue;
        check_near(dweight.read(), dw, type, 6);
        a.dweight = nullptr;
        rope_backward(a, nullptr);
        check_near(out.read(), dx, type, 3);
      }
    }
  }
}
