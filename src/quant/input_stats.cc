#include "quant/input_stats.h"

#include "ops/gemm.h"

namespace swift::quant {
namespace {

using at::Tensor;

// x^T x in fp32. Products of bf16 are exact in fp32.
Tensor gram_of(const Tensor& x) {
  const Tensor columns = x.t().contiguous();  // (in, tokens)
  if (x.scalar_type() != at::kBFloat16 || !ops::has_panel_gemm() || x.size(0) % 2 != 0) {
    const Tensor wide = columns.to(at::kFloat);
    return at::mm(wide, wide.t());
  }
  const int64_t in = x.size(1);
  Tensor gram = at::empty({in, in}, at::kFloat);
  const auto* data = columns.const_data_ptr<at::BFloat16>();
  ops::gemm_nt_f32(data, data, gram.data_ptr<float>(), in, in, x.size(0));
  return gram;
}

}  // namespace

void InputStats::add(const Tensor& x) {
  if (x.size(0) == 0) return;
  const Tensor sums = x.abs().sum(0, false, at::kFloat);
  tokens += x.size(0);
  if (!gram.defined()) {
    gram = gram_of(x);
    abs_sum = sums;
    return;
  }
  gram.add_(gram_of(x));
  abs_sum.add_(sums);
}

InputStats InputStats::divided(const Tensor& scale) const {
  return {gram / scale.unsqueeze(0) / scale.unsqueeze(1), abs_sum / scale, tokens};
}

double output_error(const Tensor& weight, const Tensor& rounded, const Tensor& gram) {
  const auto energy = [&](const Tensor& w) { return (at::mm(w, gram) * w).sum(at::kDouble).item<double>(); };
  const double whole = energy(weight);
  return whole > 0 ? energy(rounded - weight) / whole : 0;
}

}  // namespace swift::quant
