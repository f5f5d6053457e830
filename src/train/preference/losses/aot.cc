// AOT (arXiv 2406.05882): the ratios of the whole micro-batch sorted, so its size matters.
#include "train/preference/losses/table.h"

namespace swift::train::preference {

using at::Tensor;

namespace {

Tensor sorted(const Tensor& values) {
  return std::get<0>(at::sort(values, 0));
}

Tensor matched(const PairTerms& t, const Tensor& better, const Tensor& worse) {
  return smoothed_logistic((sorted(better) - sorted(worse)) * t.settings.beta, t.settings.label_smoothing);
}

}  // namespace

Tensor aot_loss(const PairTerms& t) {
  return matched(t, t.logps.chosen - t.logps.rejected, t.logps.ref_chosen - t.logps.ref_rejected);
}

Tensor aot_unpaired_loss(const PairTerms& t) {
  return matched(t, t.chosen_ratio, t.rejected_ratio);
}

}  // namespace swift::train::preference
