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

}  // namespace

TEST_CASE("norm, rotation and the cache's writes equal their plain twins") {
  constexpr size_t kPages = 3, kPageTokens = 4;
  for (const Type type : kTypes) {
    for (const Shape& s : kShapes) {
      for (const bool norm : {false, true}) {
        for (const auto kept : {KvType::same, KvType::int8, KvType::fp8}) {
          CAPTURE(s.head_dim, s.rotary_dim, norm, static_cast<int>(kept), static_cast<int>(type));
          const Given g = given(s, type, norm);
          // The first token is not kept; the others are spread over the pages.
          std::vector<int64_t> slots;
          for (size_t i = 0; i < s.tokens; ++i)
            slots.push_back(i == 0 && s.tokens > 1 ? -1 : static_cast<int64_t>(i * 5 % 12));
          const size_t rows = kPages * s.kv_heads * kPageTokens;
          const Values qkv("qkv", type, g.qkv), q("q", type, g.q.size()), k("k", type, g.k.size());
          const Values qw("q_weight", type, g.q_weight), kw("k_weight", type, g.k_weight);
          const Buffer<float> cos("cos", g.t.cos), sin("sin", g.t.sin);
          const Buffer<int32_t> positions("positions", g.positions);
          const Buffer<int64_t> slot("slots", slots);
          const Type kept_type = type;
          const Values keys("keys", kept_type, std::vector<float>(rows * s.head_dim)),
              values("values", kept_type, std::vector<float>(rows * s.head_dim));
          const Buffer<uint8_t> key_codes("key codes", std::vector<uint8_t>(rows * s.head_dim)),
              value_codes("value codes", std::vector<uint8_t>(rows * s.head_dim));
          const size_t scales = kept == KvType::fp8 ? s.kv_heads : rows;
          const Buffer<float> key_scales("key scales", std::vector<float>(scales, 0.01F)),
              value_scales("value scales", std::vector<float>(scales, 0.01F));
          const bool same = kept == KvType::same;
          auto* base = static_cast<std::byte*>(qkv.data());
          const auto stride = static_cast<int64_t>(g.stride);
          QkRope a{type,
                   base,
                   base + g.k_at * size_of(type),
                   base + g.v_at * size_of(type),
                   stride,
                   stride,
                   stride,
                   q.data(),
                   k.data(),
                   norm ? qw.data() : nullptr,
                   norm ? kw.data() : nullptr,
                   1e-6F,
                   cos.data(),
                   sin.data(),
                   positions.data(),
                   static_cast<int>(s.rotary_dim),
                   {kept, same ? keys.data() : key_codes.data(), same ? values.data() : value_codes.data(),
                    key_scales.data(), value_scales.data(), kPageTokens},
                   slot.data(),
                   static_cast<int64_t>(s.tokens),
                   static_cast<int>(s.heads),
                   static_cast<int>(s.kv_heads),
                   static_cast<int>(s.head_dim)};
          qk_rope_forward(a, nullptr);
          check_near(q.read(), g.q, type, 3);
          check_near(k.read(), g.k, type, 3);
          const auto page_row = [&](size_t token, size_t head) {
            const auto at = static_cast<size_t>(slots[token]);
            return (at / kPageTokens * s.kv_heads + head) * kPageTokens + at % kPageTokens;
          };
          const auto check_pages = [&](const Values& plain, const Buffer<uint8_t>& codes,
                                       const Buffer<float>& scale, const std::vector<double>& wanted) {
            const auto stored = plain.read();
            const auto code = codes.read();
            const auto factor = scale.read();
            for (size_t token = 0; token < s.tokens; ++token) {
              if (slots[token] < 0) continue;
              for (size_t head = 0; head < s.kv_heads; ++head) {
                double largest = 0;
                const double* want = &wanted[(token * s.kv_heads + head) * s.head_dim];
                for (size_t i = 0; i < s.head_dim; ++i) largest = std::max(largest, std::abs(want[i]));
                for (size_t i = 0; i < s.head_dim; ++i) {
                  const size_t at = page_row(token, head) * s.head_dim + i;
                  double got = stored[at], slack = step(type) * 4;
                  if (kept == KvType::int8) {
                    got = static_cast<int8_t>(code[at]) * double{factor[page_row(token, head)]};
                    slack += largest / 127 * 0.51;
                  } else if (kept == KvType::fp8) {
                    got = fp8(code[at]) * double{factor[head]};
                    slack +=
                        0.01 * 0x1p-10 + std::abs(want[i]) / 15.9 + std::max(0.0, std::abs(want[i]) - 4.48);
                  }
                  if (!(std::abs(got - want[i]) <= slack)) {
                    CAPTURE(token, head, i, got, want[i]);
                    FAIL("page");
                  }
                }
              }
            }
          };
          check_pages(keys, key_codes, key_scales, g.k);
          check_pages(values, value_codes, value_scales, g.v);
          a.pages = {};
          a.slots = nullptr;
          a.k_out = k.data();
          qk_rope_forward(a, nullptr);
          check_near(k.read(), g.k, type, 3);
        }
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
        const size_t width = s.heads * s.head_dim;
        const auto dy = normal(type, s.tokens * width, 5);
        std::vector<double> dx(s.tokens * g.stride), dw(s.head_dim);
        std::vector<bool> touched(dx.size());
        for (size_t token = 0; token < s.tokens; ++token) {
          for (size_t h = 0; h < s.heads; ++h) {
            const float* x = &g.qkv[token * g.stride + h * s.head_dim];
            auto back = plain_head(&dy[token * width + h * s.head_dim], {}, g.t,
                                   static_cast<size_t>(g.positions[token]), s.head_dim, s.rotary_dim, -1);
            if (norm) {
              double squares = 0, dot = 0;
              for (size_t i = 0; i < s.head_dim; ++i) squares += double{x[i]} * x[i];
              const double scale = 1 / std::sqrt(squares / static_cast<double>(s.head_dim) + 1e-6);
              for (size_t i = 0; i < s.head_dim; ++i) {
                dw[i] += back[i] * x[i] * scale;
                back[i] *= g.q_weight[i];
                dot += back[i] * x[i];
              }
              for (size_t i = 0; i < s.head_dim; ++i) {
                back[i] = scale * (back[i] - x[i] * scale * scale * dot / static_cast<double>(s.head_dim));
              }
            }
            for (size_t i = 0; i < s.head_dim; ++i) dx[token * g.stride + h * s.head_dim + i] = back[i];
          }
        }
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
