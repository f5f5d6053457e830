// Attention of new tokens over keys and values that lie in blocks of 64 positions, bf16 on matrix tiles
// (attention_tiles.h). Blocks hold keys and values in the layout of the tiles, so nothing is packed again:
//   keys    [head_dim / 2][64] words, a word the pair (2 i, 2 i + 1) of one position
//   values  [64 / 2][head_dim] words, a word the pair of positions (2 i, 2 i + 1) of one feature
// A query's result depends on its position, itself and the keys before it alone, bit for bit: not on the
// batch and not on how a prompt was cut.
#pragma once
#include <span>
#include <vector>

#include "ops/torch.h"

namespace swift::ops {

constexpr int64_t kBlockTokens = 64;

// Zeros whose memory the system hands out when it is first written, aligned to a cache line.
at::Tensor lazy_zeros(at::IntArrayRef shape, at::ScalarType type);

// The cache of all layers: (layers, blocks, kv_heads, keys and values) of bf16, zero at first.
class KvBlocks {
 public:
  KvBlocks(int64_t layers, int64_t blocks, int64_t kv_heads, int64_t head_dim);
  int64_t blocks() const { return blocks_; }
  int64_t kv_heads() const { return kv_heads_; }
  int64_t head_dim() const { return head_dim_; }
  uint32_t* keys(int64_t layer, int64_t block, int64_t head);
  uint32_t* values(int64_t layer, int64_t block, int64_t head);

 private:
  int64_t blocks_, kv_heads_, head_dim_;
  at::Tensor memory_;
};

// Rows [first, first + count) of a batch, at positions [start, start + count) of one sequence.
struct KvSegment {
  int64_t first;
  int64_t count;
  int64_t start;
  std::span<const int32_t> blocks;  // covers the positions up to start + count
};

struct PagedAttention {
  // Stores k, v (tokens, kv_heads, head_dim) of every segment's rows.
  static void store(KvBlocks& cache, int64_t layer, const at::Tensor& k, const at::Tensor& v,
                    const std::vector<KvSegment>& segments);
  // q (tokens, heads, head_dim) to (tokens, heads, head_dim), after store().
  static at::Tensor forward(KvBlocks& cache, int64_t layer, const at::Tensor& q,
                            const std::vector<KvSegment>& segments, double scale);
  // Both in one pass: what a sequence and key head store is still in the cache of the processor when it is
  // read.
  static at::Tensor extend(KvBlocks& cache, int64_t layer, const at::Tensor& q, const at::Tensor& k,
                           const at::Tensor& v, const std::vector<KvSegment>& segments, double scale);
  // The same from basic tensor operations over gathered keys and values: oracle of the tests.
  static at::Tensor plain(KvBlocks& cache, int64_t layer, const at::Tensor& q,
                          const std::vector<KvSegment>& segments, double scale);
};

}  // namespace swift::ops
