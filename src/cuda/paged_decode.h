// Attention of one new token a sequence over its paged keys and values (split over the context as in
// Flash-Decoding, Dao et al. 2023). The context is cut at multiples of `chunk_tokens`, so a sequence's result
// depends neither on the batch nor on the longest sequence.
#pragma once
#include "cuda/qk_rope.h"

namespace swift::cuda {

struct PagedDecode {
  Type type;                   // of q and out; of the pages when KvType is same
  const void* q;               // (batch, heads, head_dim)
  KvPages pages;               // page_tokens a multiple of 16
  const int32_t* block_table;  // (batch, table_stride) pages of each sequence
  int table_stride;
  const int32_t*
      lengths;          // (batch) positions that are kept, the new token's among them; 0: the row is padding
  void* out;            // (batch, heads, head_dim); zeros for padding
  float scale;          // of the products, 1 / sqrt(head_dim) mostly
  int window;           // positions that are seen, the newest among them; 0: all
  float soft_cap;       // products become cap tanh(product / cap); 0: not
  const float* sinks;   // (heads) a logit beside the keys' that takes weight and adds nothing, or null
  float* partial;       // (batch, heads, max_chunks, head_dim) scratch, when max_chunks > 1
  float* partial_sums;  // (batch, heads, max_chunks, 2) scratch: largest product and sum of exponentials
  int batch, heads, kv_heads, head_dim;  // head_dim 64, 80, 96, 128, 192 or 256
  int max_chunks;                        // at least ceil(longest length / chunk_tokens)
  int chunk_tokens;                      // a multiple of 16
};
void paged_decode(const PagedDecode& a, Stream stream);

}  // namespace swift::cuda
