// Adam's moments of one tensor, in fp32 or in blocks of 8-bit codes, and the direction that they give.
#pragma once
#include <memory>
#include <string>

#include "model/safetensors.h"
#include "train/optimizers/settings.h"

namespace swift::train {

// Where epsilon is added to the root of the second moment: after bias correction (torch.optim.AdamW,
// bitsandbytes) or before (galore_torch).
enum class Epsilon { corrected, raw };

class AdamMoments {
 public:
  // eight_bit: tensors below 4096 values still keep fp32, as bitsandbytes' min_8bit_size.
  AdamMoments(at::IntArrayRef sizes, const at::TensorOptions& options, bool eight_bit);
  // Takes in a gradient (fp32, of these sizes) and returns m / (sqrt(v) + epsilon) with bias correction.
  at::Tensor direction(const at::Tensor& grad, const OptimizerSettings& settings, Epsilon epsilon);
  // A step on a device: what its kernel takes (Epsilon::corrected). master: undefined when the weight is
  // fp32.
  ops::AdamTensors next(const at::Tensor& weight, const at::Tensor& grad, const at::Tensor& master,
                        double learning_rate, double weight_decay);
  // Updates done.
  int64_t steps() const { return step_.item<int64_t>(); }
  // "exp_avg.<name>", "exp_avg_sq.<name>", with "…_absmax.<name>" when 8-bit, and "step.<name>".
  void append(const std::string& name, model::NamedTensors& state) const;

 private:
  at::Tensor direction_there(const at::Tensor& grad, const ops::AdamSettings& settings);

  at::Tensor exp_avg_, exp_avg_sq_;                // fp32, or uint8 codes
  at::Tensor exp_avg_absmax_, exp_avg_sq_absmax_;  // a value a block; undefined when fp32
  at::Tensor step_;                                // () fp32, in host memory
};

}  // namespace swift::train
