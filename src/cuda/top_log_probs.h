// The log-probabilities of the most likely tokens of each row of logits, for requests that ask for them.
#pragma once
#include "cuda/types.h"

namespace swift::cuda {

struct TopLogProbs {
  Type type;
  const void* logits;  // (rows, vocab), rows `stride` values apart
  int64_t stride;
  const int32_t* rows;  // (row_count) which rows, or null: all in turn
  int32_t* ids;   // (row_count, count) best first, the smaller id first among equals; -1 past the vocabulary
  float* values;  // (row_count, count)
  int row_count, vocab, count;
};
void top_log_probs(const TopLogProbs& a, Stream stream);

}  // namespace swift::cuda
