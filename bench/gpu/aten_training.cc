#include <c10/cuda/CUDACachingAllocator.h>
#include <torch/csrc/autograd/autograd.h>

#include "aten_tensor.h"

namespace swift::gpu_bench::aten {
namespace {

Tensors flat(const Array& array, int tensors) {
  return views(array, tensors, {static_cast<int64_t>(array.count())});
}

double allocated_peak() {
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(0);
  return static_cast<double>(stats.allocated_bytes[0].peak - stats.allocated_bytes[0].current);
}

}  // namespace

Call embedding_backward(const Array& dy, const Table<int32_t>& ids, int64_t vocab) {
  const auto tokens = static_cast<int64_t>(ids.count());
  return [dy = view(dy, 0, {tokens, static_cast<int64_t>(dy.count()) / tokens}), ids = ids_of(ids),
          vocab](int) { at::embedding_dense_backward(dy, ids, vocab, -1, false); };
}

Call adamw(const Array& weight, const Array& grad, const Array& exp_avg, const Array& exp_avg_sq,
           int tensors) {
  Tensors steps;
  for (int i = 0; i < tensors; ++i)
    steps.push_back(at::ones({}, at::TensorOptions().dtype(at::kFloat).device(at::kCUDA, 0)));
  return [weights = flat(weight, tensors), grads = flat(grad, tensors), m = flat(exp_avg, tensors),
          v = flat(exp_avg_sq, tensors), steps](int) {
    at::_fused_adamw_(weights, grads, m, v, {}, steps, 1e-6, 0.9, 0.999, 0.01, 1e-8, false, false);
  };
}

Call grad_norm(const Array& grad, int tensors) {
  return [grads = flat(grad, tensors)](int) { at::stack(at::_foreach_norm(grads, 2)).norm(); };
}

Call lora_project(const Array& x, const Array& factor, int sets, int64_t rows, double dropout, double scale) {
  const int64_t columns = static_cast<int64_t>(x.count()) / rows;
  return [x = views(x, sets, {rows, columns}),
          factor = view(factor, 0, {static_cast<int64_t>(factor.count()) / columns, columns}), dropout,
          scale](int set) {
    at::linear(dropout > 0 ? at::dropout(of(x, set), dropout, true) : of(x, set), factor).mul_(scale);
  };
}

Call lora_add(const Array& y, const Array& h, const Array& factor, int sets, int64_t rows) {
  const int64_t columns = static_cast<int64_t>(y.count()) / rows,
                rank = static_cast<int64_t>(h.count()) / rows;
  return [y = views(y, sets, {rows, columns}), h = view(h, 0, {rows, rank}),
          factor = view(factor, 0, {columns, rank}).t()](int set) {
    at::Tensor sum = of(y, set);
    sum.addmm_(h, factor);
  };
}

Call route(const Array& scores, int sets, int64_t tokens, int64_t per_token) {
  return [scores = views(scores, sets, {tokens, static_cast<int64_t>(scores.count()) / tokens}),
          per_token](int set) {
    const at::Tensor shares = std::get<0>(at::softmax(of(scores, set), -1, at::kFloat).topk(per_token, -1));
    shares.div(shares.sum(-1, true));
  };
}

Call cross_entropy(const Array& logits, const Table<int32_t>& targets, int sets, int64_t rows) {
  const int64_t vocab = static_cast<int64_t>(logits.count()) / rows;
  return [logits = views(logits, sets, {rows, vocab}), targets = ids_of(targets)](int set) {
    at::cross_entropy_loss(of(logits, set).to(at::kFloat), targets);
  };
}

Call linear_cross_entropy(const Array& hidden, const Array& weight, const Table<int32_t>& targets,
                          int64_t tokens, bool weight_gradient, double& peak) {
  const int64_t width = static_cast<int64_t>(hidden.count()) / tokens;
  at::Tensor h = view(hidden, 0, {tokens, width}),
             w = view(weight, 0, {static_cast<int64_t>(weight.count()) / width, width});
  h.set_requires_grad(true);
  w.set_requires_grad(weight_gradient);
  const Call call = [h, w, targets = ids_of(targets), weight_gradient](int) {
    const at::Tensor loss = at::cross_entropy_loss(at::linear(h, w).to(at::kFloat), targets);
    torch::autograd::grad({loss}, weight_gradient ? Tensors{h, w} : Tensors{h});
  };
  c10::cuda::CUDACachingAllocator::resetPeakStats(0);
  call(0);
  peak = allocated_peak();
  return call;
}

}  // namespace swift::gpu_bench::aten
