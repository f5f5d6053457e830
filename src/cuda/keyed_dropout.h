// Dropout whose mask is a pure function of a key and an element's index, that of ops/dropout.h: what the
// backward pass and another device drop is the same.
#pragma once
#include "cuda/types.h"

namespace swift::cuda {

struct KeyedDropout {
  Type type;
  const void* x;  // (count), starts on 16 bytes
  void* y;        // (count), may be x
  int64_t count;
  double p;  // of an element to become 0; in [0, 1). The rest is multiplied by 1 / (1 - p).
  uint64_t key;
  const uint64_t* base = nullptr;  // one number on the device that is added to the key; null: 0
};
void keyed_dropout(const KeyedDropout& a, Stream stream);

}  // namespace swift::cuda
