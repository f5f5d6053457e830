// Where a decoder's tensors lie.
#pragma once
#include "model/decoder.h"

namespace swift::model {

// Moves weights, low-rank pairs and quantized values to `device`, each as soon as the one before it has
// left the host: the two copies never lie side by side for the whole model. Layouts for serving on the CPU
// do not move: they must not be there yet. What lies there already stays
// the tensor that it is.
void move_to(Decoder& decoder, at::Device device);

// The device of the decoder's tensors.
inline at::Device device_of(const Decoder& decoder) {
  return decoder.embed_tokens.device();
}

}  // namespace swift::model
