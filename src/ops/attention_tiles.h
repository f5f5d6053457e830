// Pieces that the attention kernels over matrix tiles share: blocks of queries times blocks of keys.
#pragma once
#include <c10/util/BFloat16.h>

#include <cstdint>
#include <optional>

#include "ops/matrix_tiles.h"
#include "ops/torch.h"

namespace swift::ops {

constexpr int64_t kTileRows = 32;     // queries of a block
constexpr int64_t kTileColumns = 64;  // keys of a block
constexpr int64_t kTileArea = kTileRows * kTileColumns;

inline int64_t tile_blocks(int64_t keys) {
  return (keys + kTileColumns - 1) / kTileColumns;
}

// Uninitialised memory that begins at a cache line.
template <class T>
struct TileBuffer {
  explicit TileBuffer(int64_t count)
      : memory(at::empty({static_cast<int64_t>((static_cast<size_t>(count) * sizeof(T) + 3) / 4)}, at::kInt)),
        data(reinterpret_cast<T*>(memory.data_ptr<int32_t>())) {}
  at::Tensor memory;
  T* data;
};

// Products of blocks on the calling thread, from construction to destruction; nothing else that uses matrix
// tiles may run in between.
class TileProducts {
 public:
  explicit TileProducts(int64_t head_dim) {
    if (has_matrix_tiles() && head_dim % kTileDepth == 0) tiles_.emplace();
  }
  TileProducts(const TileProducts&) = delete;
  TileProducts& operator=(const TileProducts&) = delete;
  ~TileProducts();

  // c (m, n) (+)= a (m, depth) · packed (depth / 2 pairs, n); everything is dense. Row r of the result
  // depends on row r of a alone, bit for bit. next: a packed factor of that size which is read after this
  // one, or null.
  void operator()(const c10::BFloat16* a, const uint32_t* packed, float* c, int64_t m, int64_t n,
                  int64_t depth, bool add, const uint32_t* next = nullptr);

 private:
  std::optional<MatrixTiles> tiles_;  // none: panel_product.h
};

// How many columns of block `block` a query at `position` may see.
int64_t visible_columns(int64_t position, int64_t block);

// Scores of `rows` queries to probabilities without their denominator. scores and p are [block][kTileRows]
// [kTileColumns]; row r sits at positions[r] and sees the keys up to its own. tops: scale times each row's
// largest score; sums: the denominators. Columns that a row does not see become zero, and rows beyond up to
// all_rows.
void soften(const float* scores, const int64_t* positions, int64_t rows, int64_t blocks, float scale,
            c10::BFloat16* p, float* tops, float* sums, int64_t all_rows = kTileRows);

}  // namespace swift::ops
