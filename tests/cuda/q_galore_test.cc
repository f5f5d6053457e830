#include "cuda/q_galore.h"

#include <algorithm>

#include "base/rng.h"
#include "cuda/adamw.h"
#include "cuda/compare.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

// A weight's codes and scales, by ops::int8_encode's formulas.
struct Int8 {
  std::vector<int8_t> codes;
  std::vector<float> scales;
};
Int8 encoded(const std::vector<float>& values, size_t group, const swift::base::Stream* noise) {
  Int8 e{std::vector<int8_t>(values.size()), {}};
  for (size_t begin = 0; begin < values.size(); begin += group) {
    const size_t end = std::min(values.size(), begin + group);
    float magnitude = 0;
    for (size_t i = begin; i < end; ++i) magnitude = std::max(magnitude, std::abs(values[i]));
    const float inverse = magnitude > 0 ? 127 / magnitude : 0;
    e.scales.push_back(magnitude / 127);
    for (size_t i = begin; i < end; ++i) {
      const float exact = values[i] * inverse, below = std::floor(exact);
      float code = std::nearbyint(exact);
      if (noise) {
        const auto bits = noise->bits(i / 4) >> 16 * (i % 4) & 0xFFFFU;
        code = below + (static_cast<float>(bits) * 0x1p-16F < exact - below ? 1.0F : 0.0F);
      }
      e.codes[i] = static_cast<int8_t>(std::clamp(code, -127.0F, 127.0F));
    }
  }
  return e;
}

void check_update(size_t count, size_t group, bool stochastic) {
  CAPTURE(count, group, stochastic);
  auto first = normal(Type::float32, count, 1, 0.02F);
  std::fill_n(first.begin(), std::min(group, count), 0.0F);  // a group of zeros
  auto direction = normal(Type::float32, count, 2);
  if (count > 2 * group) std::fill_n(direction.begin(), group, 0.0F);  // that stays so
  constexpr float kDecay = 0.999F, kStep = -3e-4F;
  constexpr uint64_t kSeed = 42, kSubstream = uint64_t{7} << 40 | 5;
  const Int8 before = encoded(first, group, nullptr);
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    const float decayed = static_cast<float>(before.codes[i]) * before.scales[i / group] * kDecay;
    values[i] = std::fma(kStep, direction[i], decayed);
  }
  const swift::base::Stream noise(kSeed, swift::base::Purpose::rounding, kSubstream);
  const Int8 wanted = encoded(values, group, stochastic ? &noise : nullptr);
  const Buffer<int8_t> codes("codes", before.codes);
  const Buffer<float> scales("scales", before.scales), ddirection("direction", direction);
  const Int8Groups weight{codes.data(), scales.data(), static_cast<int64_t>(count), static_cast<int>(group)};
  update_int8({weight, ddirection.data(), kDecay, kStep, stochastic, {kSeed, kSubstream}}, nullptr);
  CHECK(codes.read() == wanted.codes);
  CHECK(scales.read() == wanted.scales);
  for (const Type type : kTypes) {
    std::vector<double> meaning(count);
    for (size_t i = 0; i < count; ++i)
      meaning[i] = static_cast<double>(wanted.codes[i]) * wanted.scales[i / group];
    const Values out("out", type, count);
    decode_int8(weight, type, out.data(), nullptr);
    check_near(out.read(), meaning, type, 1e-4);  // fp16 has few bits below
  }
}

void check_int4(size_t count, size_t group) {
  CAPTURE(count, group);
  auto values = normal(Type::float32, count, 3);
  std::fill_n(values.begin(), std::min(group, count), 0.0F);  // a group of zeros
  for (size_t i = 0; i < count; ++i)
    if (i / group == 2) values[i] = std::abs(values[i]) + 1;  // a range without 0
  std::vector<uint8_t> wanted((count + 1) / 2), zeros;
  std::vector<float> scales;
  std::vector<double> meaning;
  for (size_t begin = 0; begin < count; begin += group) {
    const size_t end = std::min(count, begin + group);
    float least = 0, most = 0;
    for (size_t i = begin; i < end; ++i) {
      least = std::min(least, values[i]);
      most = std::max(most, values[i]);
    }
    scales.push_back(std::max(most - least, 1e-5F) / 15);
    zeros.push_back(static_cast<uint8_t>(std::clamp(-std::nearbyint(least / scales.back()), 0.0F, 15.0F)));
    for (size_t i = begin; i < end; ++i) {
      const float code = std::clamp(std::nearbyint(values[i] / scales.back()) + zeros.back(), 0.0F, 15.0F);
      wanted[i / 2] = static_cast<uint8_t>(wanted[i / 2] | static_cast<int>(code) << i % 2 * 4);
      meaning.push_back(double{scales.back()} * (code - zeros.back()));
    }
  }
  const Buffer<float> from("values", values), got_scales("scales", scales.size());
  const Buffer<uint8_t> codes("codes", wanted.size()), got_zeros("zeros", zeros.size());
  const Int4Groups a{codes.data(), got_scales.data(), got_zeros.data(), static_cast<int64_t>(count),
                     static_cast<int>(group)};
  encode_int4(from.data(), a, nullptr);
  CHECK(codes.read() == wanted);
  CHECK(got_scales.read() == scales);
  CHECK(got_zeros.read() == zeros);
  for (const Type type : kTypes) {
    const Values out("out", type, count);
    decode_int4(a, type, out.data(), nullptr);
    check_near(out.read(), meaning, type, 1e-4);  // fp16 has few bits below
  }
}

}  // namespace

TEST_CASE("INT8 weights are updated in place, as int8_encode rounds") {
  for (const bool stochastic : {false, true}) {
    check_update(256, 256, stochastic);
    check_update(3 * 64 + 5, 64, stochastic);
    check_update(12 * 4, 4, stochastic);
    check_update(2 * 1000 + 3, 1000, stochastic);
    check_update(1, 256, stochastic);
  }
  in_every_order([] { check_update(20 * 128 + 2, 128, true); });
}

TEST_CASE("projections go to INT4 and back, as int4_encode rounds") {
  check_int4(256, 256);
  check_int4(5 * 64 + 3, 64);
  check_int4(4 * 1000 + 2, 1000);
  check_int4(3, 128);
  in_every_order([] { check_int4(20 * 32 + 1, 32); });
}

TEST_CASE("AdamW over an empty weight leaves Adam's direction, as GaLore wants it") {
  constexpr size_t kCount = 300;
  constexpr double kBeta1 = 0.9, kBeta2 = 0.95, kEpsilon = 1e-3;
  const Buffer<float> direction("direction", std::vector<float>(kCount)), m("m", std::vector<float>(kCount)),
      v("v", std::vector<float>(kCount));
  std::vector<double> first(kCount), second(kCount);
  for (int step = 1; step <= 3; ++step) {
    const auto grad = normal(Type::float32, kCount, static_cast<uint32_t>(step), 0.01F);
    const double c1 = 1 - std::pow(kBeta1, step), c2 = std::sqrt(1 - std::pow(kBeta2, step));
    std::vector<double> wanted(kCount);
    for (size_t i = 0; i < kCount; ++i) {
      first[i] = kBeta1 * first[i] + (1 - kBeta1) * grad[i];
      second[i] = kBeta2 * second[i] + (1 - kBeta2) * grad[i] * grad[i];
      wanted[i] = c2 / c1 * first[i] / (std::sqrt(second[i]) + kEpsilon);
    }
    const Buffer<float> dgrad("grad", grad);
    const Buffer<AdamTensor> tensors(
        "tensors", std::vector<AdamTensor>{{direction.data(), dgrad.data(), nullptr, m.data(), v.data(),
                                            nullptr, nullptr, kCount, 1.0F, -1.0F}});
    const Buffer<AdamChunk> chunks("chunks", std::vector<AdamChunk>{{0, 0}});
    const Buffer<AdamStep> settings(
        "step", std::vector<AdamStep>{{-1.0F, static_cast<float>(kBeta1), static_cast<float>(kBeta2),
                                       static_cast<float>(kEpsilon), static_cast<float>(c1 / c2), 1.0F, 0,
                                       static_cast<uint64_t>(step)}});
    adamw({Type::float32, Type::float32, tensors.data(), chunks.data(), 1, settings.data(), nullptr, false},
          nullptr);
    check_near(direction.read(), wanted, Type::float32, 1.0);
  }
}
