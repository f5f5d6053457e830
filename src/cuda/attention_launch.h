// The checks and choices that the launchers of attention.h share.
#pragma once
#include "cuda/attention.h"
#include "cuda/launch.h"

namespace swift::cuda {

inline void check_attention(const char* name, const Attention& a) {
  require(a.type != Type::float32, name, "q must have 16 bits");
  require(a.kv_heads > 0 && a.heads % a.kv_heads == 0, name, "heads must be a multiple of kv_heads");
  require(a.window == 0 || (a.causal && a.window > 0), name, "a window needs causal attention");
  require(a.sequences <= 65535, name, "more than 65535 sequences");
  require(a.block_table ? a.lengths != nullptr && a.page_tokens > 0 : a.key_starts != nullptr, name,
          "paged keys need lengths, packed ones key_starts");
  require(a.kv_type == KvType::same || (a.block_table && a.key_scales && a.value_scales), name,
          "8-bit keys must be in pages, with their scales");
  for (const void* pointer : {a.q, a.keys, a.values}) require_aligned(pointer, 16, name);
}

template <int N>
struct HeadDimOf {
  static constexpr int kValue = N;
};

// f(T{}, HeadDimOf<head_dim>{}).
template <class Function>
void dispatch_attention(const char* name, const Attention& a, Function f) {
  const auto with = [&](auto dim) {
    if (a.type == Type::float16) return f(f16{}, dim);
    f(bf16{}, dim);
  };
  switch (a.head_dim) {
    case 64:
      return with(HeadDimOf<64>{});
    case 80:
      return with(HeadDimOf<80>{});
    case 96:
      return with(HeadDimOf<96>{});
    case 128:
      return with(HeadDimOf<128>{});
    case 192:
      return with(HeadDimOf<192>{});
    case 256:
      return with(HeadDimOf<256>{});
    default:
      refuse(name, "head_dim " + std::to_string(a.head_dim));
  }
}

}  // namespace swift::cuda
