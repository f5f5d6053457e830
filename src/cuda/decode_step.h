// Between two passes of decoding: drawn tokens become the tokens to compute.
#pragma once
#include "cuda/types.h"

namespace swift::cuda {

struct DecodeStep {
  const int32_t* drawn;   // (rows); a negative one stands for no token, and token 0 is computed
  int64_t* ids;           // (rows)
  int64_t* positions;     // (rows)
  int64_t* slots;         // (rows) page * page_tokens + offset, or -1
  int32_t* lengths;       // (rows); 0: padding, which stays as it is
  const int32_t* tables;  // (rows, table_stride) pages of each sequence
  int table_stride;       // a position behind the last page gets slot -1
  int page_tokens;
  int rows;
};
void decode_step(const DecodeStep& a, Stream stream);

}  // namespace swift::cuda
