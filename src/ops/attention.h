// Causal attention over packed samples: no token sees another sample, no padding, no mask tensor.
//   q (tokens, heads, head_dim)   k, v (tokens, kv_heads, head_dim)   heads a multiple of kv_heads
//   cu_seqlens (segments + 1): segment s owns tokens [cu_seqlens[s], cu_seqlens[s + 1]). Without `continues`
//   a segment is a sample. continues (segments): where it is 1, the segment also sees the whole of the last
//   segment before it that has 0: answers that share a prompt are [prompt 0 | answer 1 | answer 1 …], so that
//   the prompt is computed once returns (tokens, heads, head_dim); scores are scaled by scale, softmax in
//   fp32
// bf16 runs the kernels of block_attention.h where the machine has matrix tiles or AVX-512 BF16; anything
// else runs ATen's CPU flash attention (Dao et al. 2022) sample by sample.
#pragma once
#include <vector>

#include "ops/device_segments.h"
#include "ops/torch.h"

namespace swift::ops {

struct PackedAttention {
  // Differentiable in q, k and v.
  static at::Tensor forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const std::vector<int32_t>& cu_seqlens, double scale,
                            const std::vector<uint8_t>& continues = {});
  // The same on a device that takes_attention(q).
  static at::Tensor forward(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const DeviceSegments& segments, double scale);
  // The same with an explicit score matrix: oracle and fallback.
  static at::Tensor plain(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                          const std::vector<int32_t>& cu_seqlens, double scale,
                          const std::vector<uint8_t>& continues = {});
};

}  // namespace swift::ops
