// Gradient of an embedding table: the rows of dy added up by their token's id. No atomics: the sum of a row
// runs over its tokens in their order, so the result is the same each time.
#pragma once
#include "cuda/types.h"

namespace swift::cuda {

constexpr int kEmbeddingBuckets = 256;

struct EmbeddingBackward {
  Type type;           // of dy
  Type weight_type;    // of dweight
  const int32_t* ids;  // (tokens) in [0, vocab); what lies outside has no row
  const void* dy;      // (tokens, hidden)
  void* dweight;       // (vocab, hidden); rows without a token are left as they are
  bool accumulate;     // add to dweight's rows, else replace them
  int64_t tokens;
  int hidden, vocab;
  int32_t* order;         // (tokens) scratch: tokens by bucket (id % buckets)
  int32_t* bucket_start;  // (kEmbeddingBuckets + 1) scratch
};
void embedding_backward(const EmbeddingBackward& a, Stream stream);

}  // namespace swift::cuda
