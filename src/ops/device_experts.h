// A mixture of experts on a device, without gradients and without asking how many rows an expert has.
#pragma once
#include "ops/torch.h"

namespace swift::ops {

// The experts of a layer in one memory, 16-bit.
struct JoinedExperts {
  at::Tensor gate_up;      // (experts, 2 * intermediate, hidden), gate before up
  at::Tensor down;         // (experts, hidden, intermediate)
  int64_t per_token = 0;   // that a token goes to
  bool normalize = false;  // their shares sum to 1
};

class DeviceExperts {
 public:
  virtual ~DeviceExperts() = default;
  // Whether experts of these sizes are taken.
  virtual bool takes_experts(at::ScalarType type, int64_t experts, int64_t hidden, int64_t intermediate,
                             int64_t per_token) const = 0;
  // y (tokens, hidden), scores (tokens, experts) of the router, to (tokens, hidden).
  virtual at::Tensor mix_experts(const at::Tensor& y, const at::Tensor& scores,
                                 const JoinedExperts& experts) const = 0;
};

}  // namespace swift::ops
