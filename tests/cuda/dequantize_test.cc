#include "cuda/dequantize.h"

#include "cuda/compare.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

TEST_CASE("codes in blocks of 64 become values") {
  std::mt19937 random(1);
  std::vector<float> code(16), map(256);
  for (size_t i = 0; i < 16; ++i) code[i] = static_cast<float>(i) / 8 - 1;
  for (size_t i = 0; i < 256; ++i) map[i] = static_cast<float>(i) / 255;
  for (const Type type : kTypes) {
    for (const size_t count : {1U, 7U, 64U, 1000U, 20000U}) {
      for (const bool twice : {false, true}) {
        CAPTURE(count, twice);
        const size_t blocks = (count + 63) / 64;
        std::vector<uint8_t> codes((count + 1) / 2), scale_codes(blocks);
        std::vector<float> scales(blocks), magnitudes((blocks + 255) / 256);
        for (auto& x : codes) x = static_cast<uint8_t>(random());
        for (auto& x : scale_codes) x = static_cast<uint8_t>(random());
        for (auto& x : scales) x = static_cast<float>(random() % 100) / 50;
        for (auto& x : magnitudes) x = static_cast<float>(random() % 100) / 50;
        std::vector<double> wanted;
        for (size_t i = 0; i < count; ++i) {
          const int c = i % 2 == 0 ? codes[i / 2] >> 4 : codes[i / 2] & 15;
          const double scale =
              twice ? double{map[scale_codes[i / 64]]} * magnitudes[i / 64 / 256] + 0.25 : scales[i / 64];
          wanted.push_back(code[static_cast<size_t>(c)] * scale);
        }
        const Buffer<uint8_t> dc("codes", codes), ds("scale_codes", scale_codes);
        const Buffer<float> values("values", code), dm("map", map), dscales("scales", scales),
            dmag("magnitudes", magnitudes);
        const Values out("out", type, count);
        dequantize_blocks({type, dc.data(), values.data(), twice ? nullptr : dscales.data(), ds.data(),
                           dm.data(), dmag.data(), 0.25F, out.data(), static_cast<int64_t>(count)},
                          nullptr);
        check_near(out.read(), wanted, type, 0.1);
      }
    }
  }
}

TEST_CASE("AWQ and GPTQ words become values") {
  struct Shape {
    size_t in, columns, group;
  };
  constexpr size_t kAwqOrder[] = {0, 2, 4, 6, 1, 3, 5, 7};
  std::mt19937 random(2);
  for (const Type type : kTypes) {
    for (const Type scale_type : {Type::float16, Type::bfloat16}) {
      for (const Shape s : {Shape{128, 64, 32}, {8, 8, 8}, {64, 24, 64}, {256, 1032, 128}}) {
        for (const auto layout : {GroupLayout::awq, GroupLayout::gptq}) {
          for (const bool shuffled : {false, true}) {
            const bool awq = layout == GroupLayout::awq;
            if (awq && shuffled) continue;
            CAPTURE(s.in, s.columns, awq, shuffled);
            const size_t groups = s.in / s.group;
            std::vector<uint32_t> q(s.in * s.columns), zero(groups * s.columns);
            for (auto& x : q) x = random() % 16;
            for (auto& x : zero) x = awq ? random() % 16 : 1 + random() % 16;
            const auto scales = normal(scale_type, groups * s.columns, 3);
            std::vector<int32_t> g_idx;
            for (size_t i = 0; i < s.in; ++i)
              g_idx.push_back(static_cast<int32_t>(shuffled ? random() % groups : i / s.group));
            std::vector<uint32_t> words(s.in * s.columns / 8), zeros(groups * s.columns / 8);
            for (size_t i = 0; i < s.in; ++i) {
              for (size_t c = 0; c < s.columns; ++c) {
                if (awq) {
                  size_t nibble = 0;
                  while (kAwqOrder[nibble] != c % 8) ++nibble;
                  words[i * (s.columns / 8) + c / 8] |= q[i * s.columns + c] << 4 * nibble;
                  if (i < groups) zeros[i * (s.columns / 8) + c / 8] |= zero[i * s.columns + c] << 4 * nibble;
                } else {
                  words[i / 8 * s.columns + c] |= q[i * s.columns + c] << 4 * (i % 8);
                  if (i < groups)
                    zeros[i * (s.columns / 8) + c / 8] |= (zero[i * s.columns + c] - 1) << 4 * (c % 8);
                }
              }
            }
            std::vector<double> wanted;
            for (size_t i = 0; i < s.in; ++i) {
              for (size_t c = 0; c < s.columns; ++c) {
                const size_t at = static_cast<size_t>(g_idx[i]) * s.columns + c;
                wanted.push_back((static_cast<double>(q[i * s.columns + c]) - zero[at]) * scales[at]);
              }
            }
            const Buffer<uint32_t> dw("qweight", words), dz("qzeros", zeros);
            const Values ds("scales", scale_type, scales), out("out", type, s.in * s.columns);
            const Buffer<int32_t> dg("g_idx", g_idx);
            dequantize_groups(
                {type, scale_type, layout, dw.data(), dz.data(), ds.data(), shuffled ? dg.data() : nullptr,
                 awq ? 0 : 1, out.data(), static_cast<int>(s.in), static_cast<int>(s.columns),
                 static_cast<int>(s.group)},
                nullptr);
            check_near(out.read(), wanted, type, 0.1);
          }
        }
      }
    }
  }
}
