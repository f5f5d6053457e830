#include "model/rope_table.h"

#include <cmath>
#include <numbers>

namespace swift::model {
namespace {

// Llama 3.1: long wavelengths are stretched by factor, short ones kept, those between blended.
double llama3_frequency(const RopeSpec& rope, double frequency) {
  const double wavelength = 2.0 * std::numbers::pi / frequency;
  const double original = static_cast<double>(rope.original_positions);
  if (wavelength > original / rope.low_freq_factor) return frequency / rope.factor;
  if (wavelength < original / rope.high_freq_factor) return frequency;
  const double blend =
      (original / wavelength - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
  return (1.0 - blend) * frequency / rope.factor + blend * frequency;
}

}  // namespace

std::vector<float> inverse_frequencies(const RopeSpec& rope, int64_t head_dim) {
  std::vector<float> result;
  for (int64_t i = 0; i < head_dim; i += 2) {
    double frequency = std::pow(rope.theta, -static_cast<double>(i) / static_cast<double>(head_dim));
    if (rope.type == RopeSpec::Type::linear) frequency /= rope.factor;
    if (rope.type == RopeSpec::Type::llama3) frequency = llama3_frequency(rope, frequency);
    result.push_back(static_cast<float>(frequency));
  }
  return result;
}

RopeTable rope_table(const std::vector<float>& inverse_frequencies, const std::vector<int32_t>& positions) {
  const auto half = static_cast<int64_t>(inverse_frequencies.size());
  const auto tokens = static_cast<int64_t>(positions.size());
  RopeTable table{at::empty({tokens, half}, at::kFloat), at::empty({tokens, half}, at::kFloat)};
  auto* cos_data = table.cos.data_ptr<float>();
  auto* sin_data = table.sin.data_ptr<float>();
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t i = 0; i < half; ++i) {
      const float angle =
          static_cast<float>(positions[static_cast<size_t>(t)]) * inverse_frequencies[static_cast<size_t>(i)];
      cos_data[t * half + i] = std::cos(angle);
      sin_data[t * half + i] = std::sin(angle);
    }
  }
  return table;
}

}  // namespace swift::model
