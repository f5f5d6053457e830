// What every optimizer shares: the trained tensors, their fp32 masters, clipping, and a state of plain
// tensors. One optimizer a file in optimizers/, chosen by name in optimizers/table.h.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "model/safetensors.h"
#include "ops/device_ops.h"
#include "ops/int8_weight.h"
#include "ops/torch.h"

namespace swift::train {

// One trained tensor. `value` is the leaf that the model reads and whose gradient is used.
struct Parameter {
  std::string name;
  at::Tensor value;
  bool decay = true;    // weight decay applies
  double lr_scale = 1;  // factor on the learning rate (LoRA+: B trains faster than A)
  // The values, where the model reads them in INT8: `value` then only stands for the gradient.
  c10::intrusive_ptr<ops::Int8Weight> stored = {};
};

// Whether a name is that of the embeddings or of the output head.
bool is_embedding(const std::string& name);

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // Global L2 norm of all gradients in fp32; when above max_norm (> 0), gradients are scaled by
  // max_norm / (norm + 1e-6), as torch's clip_grad_norm_ does. Returns the norm before clipping, () fp64
  // where the gradients lie; a device is not waited for.
  at::Tensor clip(double max_norm);
  // Updates every parameter that has a gradient.
  virtual void step(double learning_rate);
  // Updates parameters()[index], which must have a gradient.
  void step_one(size_t index, double learning_rate);
  // Gradients end; after keep_gradients() they become zero where they are.
  void zero_grad();
  void keep_gradients() { keeps_gradients_ = true; }

  const std::vector<Parameter>& parameters() const { return parameters_; }
  // Everything that resuming needs, under "<what>.<name of the parameter>"; shapes and types never change.
  model::NamedTensors state() const;
  // Throws base::Error(model) when a tensor is missing or has another shape or type.
  void load_state(const model::TensorFiles& files);

 protected:
  // A parameter of a narrower type gets an fp32 master beside it, unless without_master says that the
  // optimizer keeps its weight in another form.
  explicit Optimizer(std::vector<Parameter> parameters,
                     const std::function<bool(size_t index)>& without_master = {});

  // Updates weight(index). grad: fp32, shape of the weight, not to be changed.
  virtual void update(size_t index, const at::Tensor& grad, double learning_rate) = 0;
  // step() by AdamW's kernel over all tensors: next(index, weight, grad, master, learning rate, weight decay)
  // gives the moments of one.
  template <class Next>
  void step_together(double learning_rate, const Next& next, double weight_decay,
                     const ops::AdamSettings& settings) {
    const at::NoGradGuard no_grad;
    std::vector<ops::AdamTensors> tensors;
    for (size_t i = 0; i < size(); ++i) {
      const Parameter& p = parameters_[i];
      if (!p.value.grad().defined()) continue;
      const at::Tensor value = p.value.detach(), grad = p.value.grad().contiguous();
      const at::Tensor master = value.scalar_type() == at::kFloat ? at::Tensor() : weights_[i];
      tensors.push_back(
          next(i, value, grad, master, learning_rate * p.lr_scale, p.decay ? weight_decay : 0.0));
    }
    if (!tensors.empty()) device()->adamw(tensors, settings);
  }
  // Appends the state of one parameter; the tensors are those in use, not copies.
  virtual void append_state(size_t index, model::NamedTensors& state) const = 0;
  // Called after load_state.
  virtual void state_loaded() {}

  // The fp32 tensor to update: the master, or the parameter itself. Undefined without a master.
  at::Tensor& weight(size_t index) { return weights_[index]; }
  const Parameter& parameter(size_t index) const { return parameters_[index]; }
  size_t size() const { return parameters_.size(); }
  // Of the trained tensors; null: they are the CPU's.
  const ops::DeviceOps* device() const {
    return parameters_.empty() ? nullptr : ops::device_ops(parameters_.front().value);
  }

 private:
  std::vector<Parameter> parameters_;
  std::vector<at::Tensor> weights_;
  bool keeps_gradients_ = false;
};

}  // namespace swift::train
