// Memory of weights that are laid out for serving.
#pragma once
#include <memory>

#include "ops/torch.h"

namespace swift::ops {

// Pieces of uninitialised memory that begin at cache lines, one behind the other in large blocks of huge
// pages: weights that are read one after another lie one after another. A block lives as long as one of its
// pieces.
class LineMemory {
 public:
  // uint8 (bytes).
  at::Tensor take(int64_t bytes);

 private:
  std::shared_ptr<uint8_t> block_;
  int64_t left_ = 0;  // bytes of it that are not given away, at its end
  int64_t size_ = 0;
};

}  // namespace swift::ops
