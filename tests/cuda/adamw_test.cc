#include "cuda/adamw.h"

#include <algorithm>
#include <memory>

#include "base/rng.h"
#include "cuda/compare.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

namespace {

constexpr float kLearningRate = 0.01F, kBeta1 = 0.9F, kBeta2 = 0.95F, kEpsilon = 1e-8F;
constexpr size_t kCounts[] = {1, 4096, 5003, 300};

std::vector<AdamChunk> chunks() {
  std::vector<AdamChunk> list;
  for (size_t t = 0; t < std::size(kCounts); ++t) {
    for (size_t at = 0; at < kCounts[t]; at += kAdamChunk) {
      list.push_back({static_cast<int32_t>(t), static_cast<int32_t>(at / kAdamChunk)});
    }
  }
  return list;
}

AdamStep step_of(int step) {
  return {kLearningRate,
          kBeta1,
          kBeta2,
          kEpsilon,
          static_cast<float>(1 - std::pow(double{kBeta1}, step)),
          static_cast<float>(std::sqrt(1 - std::pow(double{kBeta2}, step))),
          42,
          static_cast<uint64_t>(step)};
}

// The tensors of one optimizer and the same in double.
struct Tensors {
  std::vector<std::unique_ptr<Values>> weight, grad, m, v;
  std::vector<std::unique_ptr<Buffer<float>>> master;
  std::vector<std::vector<float>> weights, grads;
  std::vector<AdamTensor> table;
  std::vector<std::vector<double>> plain_weight, plain_m, plain_v;

  Tensors(Type weight_type, Type grad_type, bool with_master) {
    for (size_t t = 0; t < std::size(kCounts); ++t) {
      const size_t n = kCounts[t];
      const auto seed = static_cast<uint32_t>(t);
      weights.push_back(normal(weight_type, n, seed));
      grads.push_back(normal(grad_type, n, 10 + seed, 0.1F));
      weight.push_back(std::make_unique<Values>("weight", weight_type, weights[t]));
      grad.push_back(std::make_unique<Values>("grad", grad_type, grads[t]));
      m.push_back(std::make_unique<Values>("exp_avg", Type::float32, std::vector<float>(n)));
      v.push_back(std::make_unique<Values>("exp_avg_sq", Type::float32, std::vector<float>(n)));
      master.push_back(std::make_unique<Buffer<float>>("master", weights[t]));
      plain_weight.emplace_back(weights[t].begin(), weights[t].end());
      plain_m.emplace_back(n);
      plain_v.emplace_back(n);
      table.push_back({weight[t]->data(), grad[t]->data(), with_master ? master[t]->data() : nullptr,
                       m[t]->data(), v[t]->data(), nullptr, nullptr, static_cast<int64_t>(n),
                       t == 1 ? 2.0F : 1.0F, t == 2 ? 0.0F : 0.1F});
    }
  }

  // torch.optim.AdamW's formula, in double.
  void plain_step(int step, double coefficient) {
    for (size_t t = 0; t < table.size(); ++t) {
      const double rate = double{kLearningRate} * table[t].learning_rate_scale;
      for (size_t i = 0; i < plain_weight[t].size(); ++i) {
        const double g = grads[t][i] * coefficient;
        double &m_ = plain_m[t][i], &v_ = plain_v[t][i];
        m_ = kBeta1 * m_ + (1 - double{kBeta1}) * g;
        v_ = kBeta2 * v_ + (1 - double{kBeta2}) * g * g;
        const double root = std::sqrt(v_) / std::sqrt(1 - std::pow(double{kBeta2}, step)) + kEpsilon;
        plain_weight[t][i] = plain_weight[t][i] * (1 - rate * table[t].weight_decay) -
                             rate / (1 - std::pow(double{kBeta1}, step)) * m_ / root;
      }
    }
  }
};

// A code of 256 values by decades, as bitsandbytes' dynamic map has them.
std::vector<float> code_values(bool has_sign) {
  std::vector<float> values = {0.0F, 1.0F};
  for (int i = 0; i < 7; ++i) {
    const int parts = 1 << (has_sign ? i : i + 1);
    for (int k = 0; k < parts; ++k) {
      const double middle = (0.1 + 0.9 * (k + 0.5) / parts) * std::pow(10.0, i - 6);
      values.push_back(static_cast<float>(middle));
      if (has_sign) values.push_back(static_cast<float>(-middle));
    }
  }
  std::sort(values.begin(), values.end());
  return values;
}
std::vector<float> code_bounds(const std::vector<float>& values, bool has_sign) {
  std::vector<float> bounds;
  for (size_t i = 0; i + 1 < 256; ++i) bounds.push_back((values[i] + values[i + 1]) / 2);
  bounds.push_back(INFINITY);
  if (!has_sign) bounds[0] = 0;
  return bounds;
}

// Every value must have the nearest code, times the largest magnitude of its block; it becomes what that
// means.
void check_codes(std::vector<double>& plain, const std::vector<uint8_t>& code,
                 const std::vector<float>& scale, const std::vector<float>& values) {
  for (size_t first = 0; first < plain.size(); first += 256) {
    const size_t end = std::min(first + 256, plain.size());
    double largest = 0;
    for (size_t i = first; i < end; ++i) largest = std::max(largest, std::abs(plain[i]));
    if (std::abs(scale[first / 256] - largest) > 1e-5 * largest) FAIL("absmax");
    for (size_t i = first; i < end; ++i) {
      const double x = plain[i] / scale[first / 256], got = values[code[i]];
      const double below = code[i] > 0 ? values[code[i] - 1U] : -1.01;
      const double above = code[i] < 255 ? values[code[i] + 1U] : 1.01;
      if (x < (below + got) / 2 - 1e-6 || x > (got + above) / 2 + 1e-6) FAIL("code of " << x << ": " << got);
      plain[i] = got * scale[first / 256];
    }
  }
}

}  // namespace

TEST_CASE("AdamW over many tensors equals its plain twin") {
  const Buffer<AdamChunk> chunk("chunks", chunks());
  for (const Type type : kTypes) {
    for (const Type grad_type : {type, Type::float32}) {
      for (const bool with_master : {false, true}) {
        CAPTURE(static_cast<int>(type), static_cast<int>(grad_type), with_master);
        Tensors all(type, grad_type, with_master);
        const Buffer<AdamTensor> table("tensors", all.table);
        const Buffer<float> coefficient("coefficient", std::vector<float>{0.5F});
        for (int step = 1; step <= 3; ++step) {
          const Buffer<AdamStep> settings("step", std::vector<AdamStep>{step_of(step)});
          adamw({type, grad_type, table.data(), chunk.data(), static_cast<int>(chunk.size()), settings.data(),
                 coefficient.data(), false},
                nullptr);
          all.plain_step(step, 0.5);
          for (size_t t = 0; t < all.table.size(); ++t) {
            check_near(all.weight[t]->read(), all.plain_weight[t], type, 0.3);
            check_near(all.m[t]->read(), all.plain_m[t], Type::float32, 0.1);
            if (with_master) check_near(all.master[t]->read(), all.plain_weight[t], Type::float32);
            if (type != Type::float32 &&
                !with_master) {  // go on from the rounded weights, as the kernel does
              const auto now = all.weight[t]->read();
              all.plain_weight[t].assign(now.begin(), now.end());
            }
          }
        }
      }
    }
  }
}

TEST_CASE("a coefficient that is not finite updates nothing") {
  Tensors all(Type::float32, Type::float32, false);
  const Buffer<AdamChunk> chunk("chunks", chunks());
  const Buffer<AdamTensor> table("tensors", all.table);
  const Buffer<AdamStep> settings("step", std::vector<AdamStep>{step_of(1)});
  for (const float bad : {NAN, INFINITY}) {
    const Buffer<float> coefficient("coefficient", std::vector<float>{bad});
    adamw({Type::float32, Type::float32, table.data(), chunk.data(), static_cast<int>(chunk.size()),
           settings.data(), coefficient.data(), false},
          nullptr);
    for (size_t t = 0; t < all.table.size(); ++t) CHECK(all.weight[t]->read() == all.weights[t]);
  }
}

TEST_CASE("stochastic rounding keeps the mean and repeats itself") {
  for (const Type type : {Type::bfloat16, Type::float16}) {
    const size_t n = 20000;
    // A step of a tenth of a bf16's last place is lost to nearest rounding; here its mean must not be.
    const Values grad("grad", Type::float32, std::vector<float>(n, 1.0F));
    const Values m("m", Type::float32, std::vector<float>(n)), v("v", Type::float32, std::vector<float>(n));
    std::vector<AdamChunk> list;
    for (size_t at = 0; at < n; at += kAdamChunk) list.push_back({0, static_cast<int32_t>(at / kAdamChunk)});
    const Buffer<AdamChunk> chunk("chunks", list);
    AdamStep s = step_of(1);
    s.learning_rate = type == Type::bfloat16 ? 0.1F / 128 : 0.1F / 1024;
    const Buffer<AdamStep> settings("step", std::vector<AdamStep>{s});
    std::vector<float> results[2];
    for (auto& result : results) {
      const Values weight("weight", type, std::vector<float>(n, 1.5F));
      const Values zero_m("m", Type::float32, std::vector<float>(n)),
          zero_v("v", Type::float32, std::vector<float>(n));
      const Buffer<AdamTensor> table(
          "tensors", std::vector<AdamTensor>{{weight.data(), grad.data(), nullptr, zero_m.data(),
                                              zero_v.data(), nullptr, nullptr, n, 1.0F, 0.0F}});
      adamw({type, Type::float32, table.data(), chunk.data(), static_cast<int>(chunk.size()), settings.data(),
             nullptr, true},
            nullptr);
      result = weight.read();
    }
    CHECK(results[0] == results[1]);
    double mean = 0;
    for (const float x : results[0]) mean += x;
    mean = 1.5 - mean / static_cast<double>(n);
    CHECK(std::abs(mean / s.learning_rate - 1) < 0.1);  // three standard deviations of 20,000 draws
  }
}

TEST_CASE("8-bit AdamW equals its plain twin code by code") {
  const Buffer<AdamChunk> chunk("chunks", chunks());
  const std::vector<float> values[2] = {code_values(true), code_values(false)};
  REQUIRE(values[0].size() == 256);
  const std::vector<float> bounds[2] = {code_bounds(values[0], true), code_bounds(values[1], false)};
  const Buffer<float> v0("signed values", values[0]), b0("signed bounds", bounds[0]), v1("values", values[1]),
      b1("bounds", bounds[1]);
  for (const Type type : kTypes) {
    CAPTURE(static_cast<int>(type));
    in_every_order([&] {
      Tensors all(type, type, true);
      std::vector<std::unique_ptr<Buffer<uint8_t>>> codes;
      std::vector<std::unique_ptr<Buffer<float>>> scales;
      for (size_t t = 0; t < all.table.size(); ++t) {
        const size_t n = kCounts[t], blocks = (n + 255) / 256;
        for (int k = 0; k < 2; ++k) {
          codes.push_back(std::make_unique<Buffer<uint8_t>>("codes", std::vector<uint8_t>(n)));
          scales.push_back(std::make_unique<Buffer<float>>("absmax", std::vector<float>(blocks)));
        }
        all.table[t].exp_avg = codes[2 * t]->data();
        all.table[t].exp_avg_sq = codes[2 * t + 1]->data();
        all.table[t].exp_avg_absmax = scales[2 * t]->data();
        all.table[t].exp_avg_sq_absmax = scales[2 * t + 1]->data();
      }
      const Buffer<AdamTensor> table("tensors", all.table);
      for (int step = 1; step <= 2; ++step) {
        const Buffer<AdamStep> settings("step", std::vector<AdamStep>{step_of(step)});
        adamw_8bit({type, type, table.data(), chunk.data(), static_cast<int>(chunk.size()), settings.data(),
                    nullptr, false},
                   {v0.data(), b0.data()}, {v1.data(), b1.data()}, nullptr);
        all.plain_step(step, 1);
        for (size_t t = 0; t < all.table.size(); ++t) {
          check_near(all.master[t]->read(), all.plain_weight[t], Type::float32);
          for (int k = 0; k < 2; ++k) {
            auto& plain = k == 0 ? all.plain_m[t] : all.plain_v[t];
            const auto code = codes[2 * t + static_cast<size_t>(k)]->read();
            const auto scale = scales[2 * t + static_cast<size_t>(k)]->read();
            check_codes(plain, code, scale, values[k]);
          }
        }
      }
    });
  }
}

TEST_CASE("the global norm and the clipping coefficient stay on the device") {
  const Buffer<AdamChunk> chunk("chunks", chunks());
  for (const Type type : kTypes) {
    Tensors all(type, type, false);
    const Buffer<AdamTensor> table("tensors", all.table);
    double square = 0;
    for (const auto& grad : all.grads)
      for (const float g : grad) square += double{g} * g;
    const Buffer<float> partial("partial", chunk.size()), sum("square_sum", 1), norm("norm", 1),
        coefficient("coefficient", 1);
    in_every_order([&] {
      grad_square_sum(
          {type, table.data(), chunk.data(), static_cast<int>(chunk.size()), partial.data(), sum.data()},
          nullptr);
      check_near(sum.read(), {square}, Type::float32);
      const Buffer<float> scale("loss_scale", std::vector<float>{4.0F});
      clip_coefficient(sum.data(), 1.0F, scale.data(), norm.data(), coefficient.data(), nullptr);
      check_near(norm.read(), {std::sqrt(square) / 4}, Type::float32);
      check_near(coefficient.read(), {std::min(1.0, 1 / (std::sqrt(square) / 4 + 1e-6)) / 4}, Type::float32);
      clip_coefficient(sum.data(), 0.0F, nullptr, norm.data(), coefficient.data(), nullptr);
      CHECK(coefficient.read()[0] == 1.0F);
    });
  }
  const Buffer<float> bad("square_sum", std::vector<float>{INFINITY}), norm("norm", 1),
      coefficient("coefficient", 1);
  clip_coefficient(bad.data(), 1.0F, nullptr, norm.data(), coefficient.data(), nullptr);
  CHECK(std::isnan(coefficient.read()[0]));
}
