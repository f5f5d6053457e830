#include "quant/input_stats.h"

#include <algorithm>

#include "ops/gemm.h"

namespace swift::quant {
namespace {

using at::Tensor;

constexpr int64_t kGramTokens = 2048;
constexpr int64_t kColumns = 512;  // of the gram at a time; what lies above the diagonal is mirrored

// gram += x x^T, its lower triangle in steps of kColumns. columns (in, tokens), tokens even for bf16.
void add_product(Tensor& gram, const Tensor& columns) {
  const int64_t in = columns.size(0), tokens = columns.size(1);
  for (int64_t first = 0; first < in; first += kColumns) {
    const int64_t width = std::min(kColumns, in - first), below = in - first;
    Tensor place = gram.narrow(0, first, below).narrow(1, first, width);
    if (columns.scalar_type() == at::kFloat) {
      place.addmm_(columns.narrow(0, first, below), columns.narrow(0, first, width).t());
      continue;
    }
    const Tensor part = at::empty({below, width}, at::kFloat);
    const auto* data = columns.const_data_ptr<at::BFloat16>() + first * tokens;
    ops::gemm_nt_f32(data, data, part.data_ptr<float>(), below, width, tokens);
    place.add_(part);
  }
}

}  // namespace

void InputStats::add(const Tensor& x) {
  if (x.size(0) == 0) return;
  const Tensor sums = x.abs().sum(0, false, at::kFloat);
  abs_sum_ = abs_sum_.defined() ? abs_sum_.add_(sums) : sums;
  tokens_ += x.size(0);
  if (!waiting_.defined()) waiting_ = at::empty({kGramTokens, x.size(1)}, x.options());
  for (int64_t first = 0; first < x.size(0);) {
    const int64_t rows = std::min(x.size(0) - first, kGramTokens - count_);
    waiting_.narrow(0, count_, rows).copy_(x.narrow(0, first, rows));
    count_ += rows, first += rows;
    if (count_ == kGramTokens) flush();
  }
}

void InputStats::flush() {
  const int64_t in = waiting_.size(1);
  if (!gram_.defined()) gram_ = at::zeros({in, in}, at::kFloat);
  // Products of bf16 are exact in fp32; the kernel takes pairs of tokens.
  const bool panels = waiting_.scalar_type() == at::kBFloat16 && ops::has_panel_gemm();
  if (panels && count_ % 2 != 0) waiting_[count_++].zero_();
  const Tensor columns = waiting_.narrow(0, 0, count_).t().contiguous();
  add_product(gram_, panels ? columns : columns.to(at::kFloat));
  count_ = 0, mirrored_ = false;
}

const Tensor& InputStats::gram() {
  if (count_ > 0) flush();
  waiting_.reset();
  if (!mirrored_) gram_.copy_(gram_.tril() + gram_.tril(-1).t());
  mirrored_ = true;
  return gram_;
}

Tensor divided_gram(const Tensor& gram, const Tensor& scale) {
  return gram / scale.unsqueeze(0) / scale.unsqueeze(1);
}

double output_error(const Tensor& weight, const Tensor& rounded, const Tensor& gram) {
  const auto energy = [&](const Tensor& w) { return (at::mm(w, gram) * w).sum(at::kDouble).item<double>(); };
  const double whole = energy(weight);
  return whole > 0 ? energy(rounded - weight) / whole : 0;
}

}  // namespace swift::quant
