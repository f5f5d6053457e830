// Optimizer steps on a device, over all tensors at once.
#pragma once
#include <cstdint>
#include <vector>

#include "ops/torch.h"

namespace swift::ops {

// A trained tensor on the device, dense. Moments are fp32, or 8-bit codes with a magnitude for each block of
// 256 (ops/dynamic_map.h).
struct AdamTensors {
  at::Tensor weight;  // what the model reads
  at::Tensor grad;    // in the weight's type or fp32
  at::Tensor master;  // fp32, or undefined: the weight is
  at::Tensor exp_avg, exp_avg_sq;
  at::Tensor exp_avg_absmax, exp_avg_sq_absmax;  // undefined with fp32 moments
  double learning_rate;
  double weight_decay;
  int64_t step;  // this one, from 1
};

struct AdamSettings {
  double beta1, beta2, epsilon;
};

class DeviceUpdate {
 public:
  virtual ~DeviceUpdate() = default;
  // torch.optim.AdamW's update of each; queued without waiting.
  virtual void adamw(const std::vector<AdamTensors>& tensors, const AdamSettings& settings) const = 0;
};

}  // namespace swift::ops
