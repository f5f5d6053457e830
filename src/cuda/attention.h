// Attention of packed sequences of any length, as FlashAttention-2 (Dao 2023): scores are never whole.
// Forward over packed keys (training) or over paged ones, a cached prefix among them (serving); backward over
// packed keys.
#pragma once
#include "cuda/qk_rope.h"

namespace swift::cuda {

struct Attention {
  Type type;           // fp16 or bf16
  const void* q;       // (query_tokens, heads, head_dim)
  const void* keys;    // (key_tokens, kv_heads, head_dim), or pages (pages, kv_heads, page_tokens, head_dim)
  const void* values;  // as keys
  const int32_t* query_starts;  // (sequences + 1) first token of each sequence
  const int32_t* key_starts;    // (sequences + 1) the same of packed keys
  const int32_t* block_table;   // (sequences, table_stride) pages of each sequence, or null: packed keys
  const int32_t* lengths;       // (sequences) positions in the pages, the new tokens' among them
  int table_stride, page_tokens;
  int sequences, longest_query, longest_key;  // longest_key is used by backward
  int query_tokens;
  int heads, kv_heads, head_dim;  // head_dim 64, 80, 96, 128, 192 or 256
  float scale;                    // of the products, 1 / sqrt(head_dim) mostly
  bool causal;         // a query sees no later position; the last query of a sequence is at its last key
  int window;          // positions that are seen, the query's own among them; 0: all. Causal only.
  float soft_cap;      // products become cap tanh(product / cap); 0: not
  const float* sinks;  // (heads) a logit beside the keys' that takes weight and adds nothing, or null
  KvType kv_type = KvType::same;        // of pages; int8 and fp8 with pages only
  const float* key_scales = nullptr;    // int8 (pages, kv_heads, page_tokens), fp8 (kv_heads), as KvPages
  const float* value_scales = nullptr;  // as key_scales
  int key_tokens = 0;                   // of packed keys; 0: not known, which sm_90a's own kernel needs
};

// out (query_tokens, heads, head_dim); a query that sees nothing gets zeros. log_sums (heads, query_tokens),
// or null: log of the sum of exponentials, the sink's among them.
void attention_forward(const Attention& a, void* out, float* log_sums, Stream stream);

// Sums in an order that the shapes alone decide.
struct AttentionBackward {
  Attention forward;
  const void* out;        // (query_tokens, heads, head_dim) of forward
  const float* log_sums;  // (heads, query_tokens) of forward
  const void* d_out;      // (query_tokens, heads, head_dim)
  void* dq;               // (query_tokens, heads, head_dim)
  void* dk;               // (key_tokens, kv_heads, head_dim)
  void* dv;               // (key_tokens, kv_heads, head_dim)
  float* d_sinks;         // (heads), or null
  float* dots;            // (heads, query_tokens) scratch: out * d_out summed
};
void attention_backward(const AttentionBackward& a, Stream stream);

}  // namespace swift::cuda
