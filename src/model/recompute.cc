#include "model/recompute.h"

namespace swift::model {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Keeps the segment alive inside the graph node, which stores IValues.
struct SegmentHolder : torch::CustomClassHolder {
  explicit SegmentHolder(Segment f) : run(std::move(f)) {}
  Segment run;
};

struct RecomputeFunction : torch::autograd::Function<RecomputeFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Segment& segment) {
    ctx->save_for_backward({x});
    ctx->saved_data["segment"] = c10::IValue::make_capsule(c10::make_intrusive<SegmentHolder>(segment));
    at::NoGradGuard no_grad;
    return segment(x);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto holder =
        c10::static_intrusive_pointer_cast<SegmentHolder>(ctx->saved_data["segment"].toCapsule());
    const Tensor x = ctx->get_saved_variables()[0].detach().requires_grad_(true);
    Tensor y;
    {
      at::AutoGradMode with_grad(true);
      y = holder->run(x);
    }
    torch::autograd::backward({y}, {grads[0]});
    return {x.grad(), Tensor()};
  }
};

}  // namespace

Tensor recomputed(const Segment& segment, const Tensor& x) {
  return RecomputeFunction::apply(x, segment);
}

}  // namespace swift::model
