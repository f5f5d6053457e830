// The forward pass of attention.h on sm_90a, in FlashAttention-3's manner (Shah et al. 2024): tensor copies
// by a warp of their own, products by two warpgroups that take turns at the tensor cores. attention_forward()
// goes here by itself; tests and measurements name it.
#pragma once
#include "cuda/attention.h"

namespace swift::cuda {

// Whether the shape is served: head_dim 64, 128 or 256, keys in their own type, packed or in pages of a
// multiple of 8 tokens that divides a tile of keys (128; 64 with head_dim 256, which takes no soft_cap), a
// scale above 0.
bool hopper_takes(const Attention& a);
// Whether this build has code for sm_90a and the current device runs it.
bool on_hopper();
// attention_forward() of such a shape on such a device.
void attention_forward_hopper(const Attention& a, void* out, float* log_sums, Stream stream);
// attention_forward() by mma.sync, on any device.
void attention_forward_any(const Attention& a, void* out, float* log_sums, Stream stream);

}  // namespace swift::cuda
