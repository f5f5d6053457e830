#include "aten_tensor.h"

namespace swift::gpu_bench::aten {
namespace {

// As transformers' warpers cut a row: by rank, then by the mass before each token.
at::Tensor cut(at::Tensor logits, double top_p, int64_t top_k) {
  if (top_k > 0) {
    const at::Tensor last = std::get<0>(logits.topk(top_k, -1)).narrow(-1, top_k - 1, 1);
    logits = logits.masked_fill(logits < last, -INFINITY);
  }
  if (top_p < 1) {
    const auto [sorted, order] = logits.sort(-1, false);
    const at::Tensor removed = sorted.softmax(-1).cumsum(-1) <= 1 - top_p;
    logits = logits.masked_fill(removed.scatter(-1, order, removed), -INFINITY);
  }
  return logits;
}

}  // namespace

Call sample(const Array& logits, int sets, int64_t rows, double top_p, int64_t top_k, bool greedy) {
  const int64_t vocab = static_cast<int64_t>(logits.count()) / rows;
  return [logits = views(logits, sets, {rows, vocab}), top_p, top_k, greedy](int set) {
    if (greedy) {
      at::argmax(of(logits, set), -1);
      return;
    }
    at::multinomial(cut(of(logits, set).to(at::kFloat), top_p, top_k).softmax(-1), 1);
  };
}

Call top_log_probs(const Array& logits, int sets, int64_t rows, int64_t count) {
  const int64_t vocab = static_cast<int64_t>(logits.count()) / rows;
  return [logits = views(logits, sets, {rows, vocab}), count](int set) {
    at::log_softmax(of(logits, set), -1, at::kFloat).topk(count, -1);
  };
}

}  // namespace swift::gpu_bench::aten
