// y = act(gate) * up for the gated feed-forward layers (Shazeer 2020), and its gradient; fp32 inside.
#pragma once
#include "cuda/types.h"

namespace swift::cuda {

// silu(z) = z / (1 + exp(-z)); gelu_tanh and gelu_erf are torch's two forms of GELU.
enum class Activation { silu, gelu_tanh, gelu_erf };

struct Gated {
  Type type;
  Activation activation;
  const void* gate;  // (rows, columns), rows `gate_stride` values apart
  const void* up;    // (rows, columns), rows `up_stride` values apart
  int64_t gate_stride, up_stride;
  void* y;         // (rows, columns), dense; forward only
  const void* dy;  // (rows, columns), dense; backward only
  void* dgate;     // as gate, with its stride; may be gate
  void* dup;       // as up, with its stride; may be up
  int64_t rows;
  int columns;
};
void gated_forward(const Gated& a, Stream stream);
void gated_backward(const Gated& a, Stream stream);

}  // namespace swift::cuda
