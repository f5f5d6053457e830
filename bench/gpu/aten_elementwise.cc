#include <torch/csrc/autograd/autograd.h>
#include <torch/headeronly/version.h>

#include "aten_tensor.h"

namespace swift::gpu_bench::aten {
namespace {

constexpr double kEps = 1e-6;

int64_t columns_of(const Array& array, int64_t rows) {
  return static_cast<int64_t>(array.count()) / rows;
}

// x (tokens, heads, head_dim), cos and sin (tokens, 1, head_dim / 2).
at::Tensor norm_and_turn(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& cos,
                         const at::Tensor& sin) {
  const at::Tensor normed = std::get<0>(at::_fused_rms_norm(x, {x.size(-1)}, weight, kEps));
  const auto halves = normed.chunk(2, -1);
  return at::cat({halves[0] * cos - halves[1] * sin, halves[1] * cos + halves[0] * sin}, -1);
}

at::Tensor angles(const Array& table, at::ScalarType type, const RopeShape& s) {
  return view(table, 0, {s.tokens, 1, s.head_dim / 2}).to(type);
}

}  // namespace

std::string version() {
  return TORCH_VERSION;
}

Call add_rms_norm(const Array& x, const Array& residual, const Array& weight, int sets, int64_t rows) {
  const int64_t hidden = columns_of(x, rows);
  return [x = views(x, sets, {rows, hidden}), residual = views(residual, sets, {rows, hidden}),
          weight = view(weight, 0, {hidden}), hidden](int set) {
    const at::Tensor sum = of(x, set) + of(residual, set);
    at::_fused_rms_norm(sum, {hidden}, weight, kEps);
  };
}

Call rms_norm_backward(const Array& dy, const Array& x, const Array& dsum, const Array& weight, int sets,
                       int64_t rows) {
  const int64_t hidden = columns_of(x, rows);
  const Tensors inputs = views(x, sets, {rows, hidden});
  const at::Tensor w = view(weight, 0, {hidden});
  Tensors inverse;
  for (const at::Tensor& input : inputs)
    inverse.push_back(std::get<1>(at::_fused_rms_norm(input, {hidden}, w, kEps)));
  return [dy = views(dy, sets, {rows, hidden}), dsum = views(dsum, sets, {rows, hidden}), inputs, inverse, w,
          hidden](int set) {
    const auto [dx, dw] = at::_fused_rms_norm_backward(of(dy, set), of(inputs, set), {hidden},
                                                       of(inverse, set), w, {true, true});
    at::Tensor sum = dx;
    sum.add_(of(dsum, set));
  };
}

Call gated(const Array& gate, const Array& up, int sets, int64_t rows) {
  const int64_t columns = columns_of(gate, rows);
  return [gate = views(gate, sets, {rows, columns}), up = views(up, sets, {rows, columns})](int set) {
    at::silu(of(gate, set)) * of(up, set);
  };
}

Call gated_backward(const Array& dy, const Array& gate, const Array& up, int sets, int64_t rows) {
  const int64_t columns = columns_of(gate, rows);
  return [dy = views(dy, sets, {rows, columns}), gate = views(gate, sets, {rows, columns}),
          up = views(up, sets, {rows, columns})](int set) {
    const at::Tensor active = at::silu(of(gate, set));
    const at::Tensor dup = of(dy, set) * active;
    const at::Tensor dgate = at::silu_backward(of(dy, set) * of(up, set), of(gate, set));
  };
}

Call qk_rope(const Array& qkv, const Array& weight, const Array& cos, const Array& sin, int sets,
             const RopeShape& s) {
  const int64_t heads = s.heads + 2 * s.kv_heads;
  const Tensors all = views(qkv, sets, {s.tokens, heads, s.head_dim});
  const at::Tensor w = view(weight, 0, {s.head_dim}),
                   slots = at::arange(s.tokens, all[0].options().dtype(at::kLong));
  const at::Tensor c = angles(cos, all[0].scalar_type(), s), n = angles(sin, all[0].scalar_type(), s);
  const at::Tensor keys = at::empty({s.tokens, s.kv_heads, s.head_dim}, all[0].options()),
                   values = at::empty_like(keys);
  return [all, w, slots, c, n, keys, values, s](int set) {
    const auto parts = of(all, set).split_with_sizes({s.heads, s.kv_heads, s.kv_heads}, 1);
    const at::Tensor q = norm_and_turn(parts[0].contiguous(), w, c, n);
    at::Tensor k = keys, v = values;
    k.index_copy_(0, slots, norm_and_turn(parts[1].contiguous(), w, c, n));
    v.index_copy_(0, slots, parts[2]);
  };
}

Call rope_backward(const Array& dy, const Array& x, const Array& weight, const Array& cos, const Array& sin,
                   int sets, const RopeShape& s) {
  Tensors inputs = views(x, sets, {s.tokens, s.heads, s.head_dim}), outputs;
  at::Tensor w = view(weight, 0, {s.head_dim});
  w.set_requires_grad(true);
  const at::Tensor c = angles(cos, inputs[0].scalar_type(), s), n = angles(sin, inputs[0].scalar_type(), s);
  for (at::Tensor& input : inputs) {
    input.set_requires_grad(true);
    outputs.push_back(norm_and_turn(input, w, c, n));
  }
  return [dy = views(dy, sets, {s.tokens, s.heads, s.head_dim}), inputs, outputs, w](int set) {
    torch::autograd::grad({of(outputs, set)}, {of(inputs, set), w}, {of(dy, set)}, true);
  };
}

}  // namespace swift::gpu_bench::aten
