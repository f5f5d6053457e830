// Parameters and gradients by formula, as tests/golden/optimizers.py makes them.
#pragma once
#include <string>
#include <vector>

#include "train/optimizers/table.h"

namespace swift::tests {

// noise() of the script, bit by bit.
inline at::Tensor noise(const std::vector<int64_t>& sizes, uint64_t stream) {
  at::Tensor values = at::empty(sizes, at::kFloat);
  float* out = values.data_ptr<float>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    uint64_t x = (static_cast<uint64_t>(i) * 2654435761U + stream * 97 * 40503 + 12345) & 0xFFFFFFFFU;
    x = (x ^ x >> 15) * 2246822519U & 0xFFFFFFFFU;
    x = (x ^ x >> 13) * 3266489917U & 0xFFFFFFFFU;
    const double value = static_cast<double>(x >> 8) / 0x1p24 - 0.5;
    out[i] = static_cast<float>(value / static_cast<double>(1 + i % sizes.back()));
  }
  return values;
}

struct Shape {
  std::string name;
  std::vector<int64_t> sizes;
  bool decay = true;
};

inline std::vector<train::Parameter> make_parameters(const std::vector<Shape>& shapes,
                                                     at::ScalarType type = at::kFloat) {
  std::vector<train::Parameter> parameters;
  for (size_t k = 0; k < shapes.size(); ++k) {
    parameters.push_back(
        {shapes[k].name, noise(shapes[k].sizes, k).to(type).requires_grad_(true), shapes[k].decay, 1});
  }
  return parameters;
}

// The gradients of step `step`, in the type of the parameters.
inline void set_gradients(const train::Optimizer& optimizer, int64_t step) {
  for (size_t k = 0; k < optimizer.parameters().size(); ++k) {
    const at::Tensor& value = optimizer.parameters()[k].value;
    value.mutable_grad() =
        noise(value.sizes().vec(), 100 + 10 * static_cast<uint64_t>(step) + k).to(value.scalar_type());
  }
}

inline std::vector<Shape> small_shapes() {
  return {{"layers.0.q_proj.weight", {24, 16}, true},
          {"layers.0.k_proj.weight", {16, 40}, true},
          {"layers.0.norm.weight", {33}, false},
          {"embed_tokens.weight", {20, 8}, true},
          {"layers.0.up_proj.weight", {72, 60}, true}};
}

// Settings that suit the small shapes.
inline train::OptimizerSettings small_settings() {
  train::OptimizerSettings settings;
  settings.beta1 = 0.9;
  settings.beta2 = 0.95;
  settings.weight_decay = 0.1;
  settings.galore.rank = 4;
  settings.galore.update_gap = 4;
  settings.galore.scale = 0.25;
  settings.galore.group_size = 16;
  settings.galore.quantize_projection = true;
  settings.galore.quantize_weights = true;
  return settings;
}

}  // namespace swift::tests
