// Dropout of low-rank pairs.
#pragma once
#include "model/linear_layer.h"

namespace swift::model {

// The key of a pair's masks in a pass: each pair has its own.
inline ops::DropoutKey pair_key(const LoraPair& pair, const ops::DropoutKey& dropout_key) {
  return dropout_key + pair.id * 0xD1B54A32D192ED03ULL;
}

}  // namespace swift::model
