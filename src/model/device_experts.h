// The experts of a layer at once on a device, with gradients (ops/expert_mix.h).
#pragma once
#include <optional>
#include <vector>

#include "model/decoder.h"

namespace swift::model {

// mix_experts() by the device's kernels; nothing where y lies on the CPU, or for experts that they do not
// take: with biases, DoRA or low-rank updates of several shapes, quantized ones without gradients (few of
// them may be asked for), columns that are no multiple of 8.
std::optional<at::Tensor> mix_on_device(const at::Tensor& y, const at::Tensor& scores,
                                        const std::vector<Expert>& experts, const MoeSpec& spec,
                                        const ops::DropoutKey& dropout_key, RouterBalance* balance,
                                        int64_t layer);

// On a device, the full weights of a layer's experts come to lie one behind the other, as its kernels read
// them: elsewhere each pass makes a copy. The tensors stay the same objects.
void gather_experts(Decoder& decoder);

}  // namespace swift::model
