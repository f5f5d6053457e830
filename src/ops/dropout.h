// Dropout whose mask is a function of a key.
#pragma once
#include <cstdint>

#include "ops/torch.h"

namespace swift::ops {

// Names a mask. On a device a part of the name may lie in its memory: then work that was recorded as a graph
// (device_decode.h) draws other masks each time that it is replayed.
struct DropoutKey {
  uint64_t value = 0;
  at::Tensor base = {};  // () int64, added to value with wrap-around; undefined: 0

  DropoutKey() = default;
  DropoutKey(uint64_t value_, at::Tensor base_ = {}) : value(value_), base(std::move(base_)) {}
  // Whether it asks for no dropout: evaluation.
  bool none() const { return value == 0 && !base.defined(); }
  DropoutKey operator+(uint64_t more) const { return {value + more, base}; }

  // For the backward pass.
  void save(torch::autograd::AutogradContext& ctx) const;
  static DropoutKey saved(const torch::autograd::AutogradContext& ctx);
};

// x with elements zeroed with probability p and the rest scaled by 1 / (1 - p). Whether an element stays is a
// pure function of the key and the element's index, so a backward pass draws the same mask again.
at::Tensor keyed_dropout(const at::Tensor& x, double p, const DropoutKey& key);

}  // namespace swift::ops
