#include "train/optimizers/adam_moments.h"

#include <immintrin.h>

#include <array>
#include <cmath>

#include "ops/device_ops.h"
#include "ops/dynamic_map.h"
#include "ops/lanes.h"

namespace swift::train {

using at::Tensor;
using ops::DynamicMap;
using ops::kStateBlock;
namespace {

constexpr int64_t kLeast8Bit = 4096;

const DynamicMap& signed_map() {
  static const DynamicMap map(true);
  return map;
}

const DynamicMap& unsigned_map() {
  static const DynamicMap map(false);
  return map;
}

struct Coefficients {
  float beta1, rest1, beta2, rest2;
  float scale;       // of m / denominator
  float correction;  // the root of v is divided by it
  float epsilon;
};

Coefficients coefficients(const OptimizerSettings& settings, Epsilon place, double step) {
  const double correction1 = 1 - std::pow(settings.beta1, step);
  const double correction2 = std::sqrt(1 - std::pow(settings.beta2, step));
  const bool raw = place == Epsilon::raw;
  return {static_cast<float>(settings.beta1),
          static_cast<float>(1 - settings.beta1),
          static_cast<float>(settings.beta2),
          static_cast<float>(1 - settings.beta2),
          static_cast<float>((raw ? correction2 : 1.0) / correction1),
          static_cast<float>(raw ? 1.0 : correction2),
          static_cast<float>(settings.epsilon)};
}

// Eight lanes at a time: std::sqrt, which may set errno, keeps the compiler from it.
void advance(const Coefficients& c, const float* grad, float* m, float* v, float* out, int64_t count) {
  const auto lanes = [&](int64_t i, int64_t width) {
    const ops::Floats g = ops::load(grad + i, width);
    const ops::Floats first = ops::load(m + i, width) * c.beta1 + g * c.rest1;
    const ops::Floats second = ops::load(v + i, width) * c.beta2 + g * g * c.rest2;
    ops::store(m + i, first, width);
    ops::store(v + i, second, width);
    ops::store(out + i, c.scale * (first / (_mm256_sqrt_ps(second) / c.correction + c.epsilon)), width);
  };
  int64_t i = 0;
  for (; i + ops::kLanes <= count; i += ops::kLanes) lanes(i, ops::kLanes);
  if (i < count) lanes(i, count - i);
}

}  // namespace

AdamMoments::AdamMoments(at::IntArrayRef sizes, const at::TensorOptions& options, bool eight_bit) {
  const auto wide = options.dtype(at::kFloat).requires_grad(false);
  const int64_t count = c10::multiply_integers(sizes);
  const bool codes = eight_bit && count >= kLeast8Bit;
  exp_avg_ = at::zeros(sizes, codes ? wide.dtype(at::kByte) : wide);
  exp_avg_sq_ = at::zeros(sizes, codes ? wide.dtype(at::kByte) : wide);
  step_ = at::zeros({}, at::kFloat);
  if (!codes) return;
  const int64_t blocks = (count + kStateBlock - 1) / kStateBlock;
  exp_avg_absmax_ = at::zeros({blocks}, wide);  // magnitude 0: every code means 0
  exp_avg_sq_absmax_ = at::zeros({blocks}, wide);
}

Tensor AdamMoments::direction(const Tensor& grad, const OptimizerSettings& settings, Epsilon epsilon) {
  step_.add_(1);
  const Tensor dense = grad.contiguous();
  if (!dense.is_cpu())
    return direction_there(dense,
                           {settings.beta1, settings.beta2, settings.epsilon, epsilon == Epsilon::raw});
  const Coefficients c = coefficients(settings, epsilon, step_.item<double>());
  Tensor result = at::empty_like(dense);
  const float* g = dense.const_data_ptr<float>();
  float* out = result.data_ptr<float>();
  const int64_t count = dense.numel();
  if (!exp_avg_absmax_.defined()) {
    float* m = exp_avg_.data_ptr<float>();
    float* v = exp_avg_sq_.data_ptr<float>();
    at::parallel_for(0, count, 32768, [&](int64_t begin, int64_t end) {
      advance(c, g + begin, m + begin, v + begin, out + begin, end - begin);
    });
    return result;
  }
  uint8_t* m_codes = exp_avg_.data_ptr<uint8_t>();
  uint8_t* v_codes = exp_avg_sq_.data_ptr<uint8_t>();
  float* m_absmax = exp_avg_absmax_.data_ptr<float>();
  float* v_absmax = exp_avg_sq_absmax_.data_ptr<float>();
  const DynamicMap& m_map = signed_map();
  const DynamicMap& v_map = unsigned_map();
  at::parallel_for(0, exp_avg_absmax_.numel(), 128, [&](int64_t first, int64_t last) {
    std::array<float, kStateBlock> m{}, v{};
    for (int64_t block = first; block < last; ++block) {
      const int64_t at = block * kStateBlock;
      const int64_t length = std::min(kStateBlock, count - at);
      decode_block(m_map, m_codes + at, length, m_absmax[block], m.data());
      decode_block(v_map, v_codes + at, length, v_absmax[block], v.data());
      advance(c, g + at, m.data(), v.data(), out + at, length);
      m_absmax[block] = encode_block(m_map, m.data(), length, m_codes + at);
      v_absmax[block] = encode_block(v_map, v.data(), length, v_codes + at);
    }
  });
  return result;
}

// A step of -1 from zero leaves the direction.
Tensor AdamMoments::direction_there(const Tensor& grad, const ops::AdamSettings& settings) {
  Tensor result = at::zeros_like(grad);
  const ops::AdamTensors tensors{
      result, grad, {}, exp_avg_, exp_avg_sq_, exp_avg_absmax_, exp_avg_sq_absmax_, -1.0, 0.0, steps()};
  ops::device_ops(grad)->adamw({tensors}, settings);
  return result;
}

ops::AdamTensors AdamMoments::next(const Tensor& weight, const Tensor& grad, const Tensor& master,
                                   double learning_rate, double weight_decay) {
  step_.add_(1);
  return {weight,        grad,         master, exp_avg_, exp_avg_sq_, exp_avg_absmax_, exp_avg_sq_absmax_,
          learning_rate, weight_decay, steps()};
}

void AdamMoments::append(const std::string& name, model::NamedTensors& state) const {
  state.emplace_back("exp_avg." + name, exp_avg_);
  state.emplace_back("exp_avg_sq." + name, exp_avg_sq_);
  if (exp_avg_absmax_.defined()) {
    state.emplace_back("exp_avg_absmax." + name, exp_avg_absmax_);
    state.emplace_back("exp_avg_sq_absmax." + name, exp_avg_sq_absmax_);
  }
  state.emplace_back("step." + name, step_);
}

}  // namespace swift::train
