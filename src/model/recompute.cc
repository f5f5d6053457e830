#include "model/recompute.h"

namespace swift::model {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Keeps the segment alive inside the graph node, which stores IValues.
struct SegmentHolder : torch::CustomClassHolder {
  SegmentHolder(Segment f, ActivationStore* where) : run(std::move(f)), store(where) {}
  Segment run;
  ActivationStore* store;
  int64_t place = -1;  // of the input in the store
};

struct RecomputeFunction : torch::autograd::Function<RecomputeFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Segment& segment,
                        ActivationStore* store) {
    const auto holder = c10::make_intrusive<SegmentHolder>(segment, store);
    if (store != nullptr) {
      holder->place = store->put(x);
    } else {
      ctx->save_for_backward({x});
    }
    ctx->saved_data["segment"] = c10::IValue::make_capsule(holder);
    at::NoGradGuard no_grad;
    return segment(x);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto holder =
        c10::static_intrusive_pointer_cast<SegmentHolder>(ctx->saved_data["segment"].toCapsule());
    const Tensor kept =
        holder->store != nullptr ? holder->store->take(holder->place) : ctx->get_saved_variables()[0];
    const Tensor x = kept.detach().requires_grad_(true);
    Tensor y;
    {
      at::AutoGradMode with_grad(true);
      y = holder->run(x);
    }
    torch::autograd::backward({y}, {grads[0]});
    return {x.grad(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor recomputed(const Segment& segment, const Tensor& x, ActivationStore* store) {
  return RecomputeFunction::apply(x, segment, store);
}

}  // namespace swift::model
