// Between the projections and attention, in one pass: RMSNorm of each head of q and k, rotary embedding
// (rotate-half form; every rope type by its table of cosines and sines), and k and v written to the paged
// cache. And the gradient of the norm and the rotation.
#pragma once
#include "cuda/types.h"

namespace swift::cuda {

// How a page keeps its values. int8: value = code * scale, a scale for each position and head (largest
// magnitude / 127). fp8: e4m3, value = code * scale of the head.
enum class KvType { same, int8, fp8 };

// A page holds `page_tokens` positions; keys and values (pages, kv_heads, page_tokens, head_dim).
struct KvPages {
  KvType type;
  void* keys;  // null: nothing is written
  void* values;
  float* key_scales;    // int8 (pages, kv_heads, page_tokens), fp8 (kv_heads); else null
  float* value_scales;  // as key_scales
  int page_tokens;
};

struct QkRope {
  Type type;
  const void* q;  // (tokens, heads, head_dim), tokens `q_stride` values apart
  const void* k;  // (tokens, kv_heads, head_dim), tokens `k_stride` apart
  const void* v;  // as k, `v_stride` apart; used with pages only
  int64_t q_stride, k_stride, v_stride;
  void* q_out;           // (tokens, heads, head_dim), dense; may be q when that is dense
  void* k_out;           // (tokens, kv_heads, head_dim), dense, or null
  const void* q_weight;  // (head_dim) of the norm, or null: no norm
  const void* k_weight;
  float eps;
  const float* cos;          // (positions, rotary_dim / 2)
  const float* sin;          // (positions, rotary_dim / 2)
  const int32_t* positions;  // (tokens) rows of the tables, or null: token i has row i
  int rotary_dim;            // the first values of a head turn; a multiple of 4
  KvPages pages;
  const int64_t* slots;  // (tokens) page * page_tokens + offset, -1: not kept
  int64_t tokens;
  int heads, kv_heads, head_dim;  // head_dim a multiple of 4, up to 256
};
void qk_rope_forward(const QkRope& a, Stream stream);

// The gradient for one of q and k.
struct RopeBackward {
  Type type;
  const void* dy;  // (tokens, heads, head_dim), dense: gradient of what was rotated
  const void*
      x;  // (tokens, heads, head_dim), tokens `x_stride` apart: what went into the norm; unused without one
  int64_t x_stride;
  void* dx;  // (tokens, heads, head_dim), tokens `dx_stride` apart
  int64_t dx_stride;
  const void* weight;  // (head_dim), or null: no norm
  void* dweight;       // (head_dim), or null
  float* partial;      // (kRopeSlices, head_dim) scratch; unused without dweight
  float eps;
  const float* cos;
  const float* sin;
  const int32_t* positions;
  int rotary_dim;
  int64_t tokens;
  int heads, head_dim;
};
constexpr int kRopeSlices = 256;
void rope_backward(const RopeBackward& a, Stream stream);

}  // namespace swift::cuda
