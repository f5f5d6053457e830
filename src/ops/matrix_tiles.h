// The processor's matrix tiles (AMX-BF16) driven directly, for products where what counts is that weights
// arrive from memory without a pause: few rows, large factors. The right factor is packed as for brgemm:
// pairs along the reduction are one 32-bit word, [pair][column]. Each row of a result depends on its own row
// of the left factor alone, bit for bit, and a product that does not add equals oneDNN's brgemm on the same
// tiles.
#pragma once
#include <cstdint>
#include <vector>

namespace swift::ops {

constexpr int64_t kTileHeight = 16;  // rows that one tile holds
constexpr int64_t kTileDepth = 32;   // elements of the reduction that one tile holds

// True when the processor has the tiles and the system lets this process use them.
bool has_matrix_tiles();

// The tiles of the calling thread, from construction to destruction. Only one at a time, and nothing else
// that uses tiles (brgemm) in between.
class MatrixTiles {
 public:
  MatrixTiles() = default;
  MatrixTiles(const MatrixTiles&) = delete;
  MatrixTiles& operator=(const MatrixTiles&) = delete;
  ~MatrixTiles();

  struct Left {
    const uint16_t* data;  // bf16 (rows, depth)
    int64_t stride;  // elements from one row to the next; kTileDepth at a larger depth: pack_left's form
    int64_t rows;
  };
  struct Right {
    const uint32_t* words;  // (depth / 2, columns), at a cache line
    int64_t stride;         // words from one pair to the next, a multiple of 16
    int64_t columns;        // a multiple of 16
  };
  // result (rows, columns) (+)= left · right. depth is a multiple of kTileDepth. next: memory that is read
  // after this, `lines` cache lines that are fetched on the way; null: nothing.
  void product(const Left& left, const Right& right, int64_t depth, float* result, int64_t result_stride,
               bool add, const void* next = nullptr, int64_t lines = 0);

 private:
  void configure(int64_t rows);

  int64_t rows_ = 0;  // of the loaded configuration
};

// For kernels that drive the tiles themselves. Gives tiles 0 and 1 `rows` rows up to kTileHeight, 2 and 3
// those beyond (as many where there are none), 16 words each; 4 and 5 the same rows of left_bytes bytes; 6
// and 7 left_bytes / 4 rows of 16 words.
void configure_tiles(int64_t rows, int64_t left_bytes);
void release_tiles();

// Rows laid out so that a tile is 1 KiB at one place: [rows / 16][depth / 32][16][32]. The last block holds
// only the rows that are left. depth is a multiple of kTileDepth; packed holds rows * depth elements.
void pack_left(const uint16_t* rows, int64_t count, int64_t depth, uint16_t* packed);

}  // namespace swift::ops
