#include "ops/embedding.h"

#include "ops/device_ops.h"

namespace swift::ops {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

struct DeviceEmbedding : torch::autograd::Function<DeviceEmbedding> {
  static Tensor forward(AutogradContext* ctx, const Tensor& table, const Tensor& ids) {
    ctx->save_for_backward({ids});
    ctx->saved_data["vocab"] = table.size(0);
    return at::embedding(table, ids);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const Tensor ids = ctx->get_saved_variables()[0], dy = grads[0].contiguous();
    return {device_ops(dy)->embedding_gradient(dy, ids, ctx->saved_data["vocab"].toInt()), Tensor()};
  }
};

}  // namespace

Tensor Embedding::forward(const Tensor& table, const Tensor& ids) {
  if (device_ops(table) == nullptr || !table.requires_grad()) return at::embedding(table, ids);
  return DeviceEmbedding::apply(table, ids);
}

}  // namespace swift::ops
