// ops/embedding.h over cuda/embedding.h.
#include "cuda/embedding.h"

#include "cuda/ops/cuda_ops.h"
#include "cuda/ops/platform.h"

namespace swift::cuda {
using at::Tensor;

Tensor CudaOps::embedding_gradient(const Tensor& dy, const Tensor& ids, int64_t vocab) const {
  const Tensor sums = at::zeros({vocab, dy.size(1)}, dy.options());
  const Tensor narrow = ids.to(at::kInt);
  const Tensor order = at::empty_like(narrow);
  const Tensor starts = at::empty({kEmbeddingBuckets + 1}, narrow.options());
  EmbeddingBackward a{};
  a.type = a.weight_type = type_of(dy);
  a.ids = narrow.const_data_ptr<int32_t>();
  a.dy = dy.const_data_ptr();
  a.dweight = sums.data_ptr();
  a.tokens = dy.size(0);
  a.hidden = static_cast<int>(dy.size(1));
  a.vocab = static_cast<int>(vocab);
  a.order = order.data_ptr<int32_t>();
  a.bucket_start = starts.data_ptr<int32_t>();
  embedding_backward(a, stream_of(dy));
  return sums;
}

}  // namespace swift::cuda
