// What is kept of the inputs of a linear during calibration.
#pragma once
#include "ops/torch.h"

namespace swift::quant {

class InputStats {
 public:
  // x (tokens, in).
  void add(const at::Tensor& x);
  int64_t tokens() const { return tokens_; }
  // fp32 (in, in), sum of x x^T; undefined before the first input. Takes in what add() has put aside.
  const at::Tensor& gram();
  // fp32 (in), mean of |x|.
  at::Tensor abs_mean() const { return abs_sum_ / static_cast<double>(tokens_); }

 private:
  void flush();

  at::Tensor gram_, abs_sum_;  // of all inputs but those that wait
  at::Tensor waiting_;         // (kGramTokens, in): a product of many tokens writes the gram once
  int64_t count_ = 0;          // rows of waiting_ that are filled
  int64_t tokens_ = 0;
  bool mirrored_ = true;  // what lies above gram_'s diagonal is that below it
};

// The gram of x / scale. scale fp32 (in).
at::Tensor divided_gram(const at::Tensor& gram, const at::Tensor& scale);

// The part of the outputs' squares that changed with the weights: tr(D G D^T) / tr(W G W^T), D = rounded -
// weight.
double output_error(const at::Tensor& weight, const at::Tensor& rounded, const at::Tensor& gram);

}  // namespace swift::quant
