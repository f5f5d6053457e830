// How checkpoints lay codes in int32 words. Codes (out, in) and zero points (out, groups) are uint8, one a
// byte.
#pragma once
#include "ops/torch.h"

namespace swift::model {

// AutoAWQ's "gemm" (awq/modules/linear/gemm.py): 4 bits, eight columns of the output a word, in the order
// 0, 2, 4, 6, 1, 3, 5, 7 from the lowest bits. codes (out, in) to int32 (in, out / 8), zero points alike.
at::Tensor pack_awq(const at::Tensor& codes);
at::Tensor unpack_awq(const at::Tensor& packed);

// GPTQ: a stream of bits along the inputs, the lowest first. codes (out, in) to int32 (in * bits / 32, out).
at::Tensor pack_gptq(const at::Tensor& codes, int64_t bits);
at::Tensor unpack_gptq(const at::Tensor& packed, int64_t bits);

// GPTQ's zero points lie along the outputs: (out, groups) to int32 (groups, out * bits / 32). Version 1 holds
// each less one (mod 2^bits), version 2 as it is.
at::Tensor pack_gptq_zeros(const at::Tensor& zeros, int64_t bits, bool v2);
at::Tensor unpack_gptq_zeros(const at::Tensor& packed, int64_t bits, bool v2);

// compressed-tensors' pack-quantized: as GPTQ, but (out, in * bits / 32); zero points (out * bits / 32,
// groups).
at::Tensor pack_compressed(const at::Tensor& codes, int64_t bits);
at::Tensor unpack_compressed(const at::Tensor& packed, int64_t bits);

}  // namespace swift::model
