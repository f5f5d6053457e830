// Sum of cross entropies of the output head, as one operation that never holds all logits (Wijmans et al.
// 2024; Hsu et al. 2024): rows whose label is ignored are dropped, the rest go through in chunks, and the
// gradients are made in the same pass.
//   h (tokens, hidden)   w (vocab, hidden)   labels (tokens) int64 in host memory, kIgnoreLabel where
//   not trained
//   returns the sum over trained tokens, fp32 scalar; divide by the token count outside. Logits and sums in
//   fp32.
#pragma once
#include "ops/torch.h"

namespace swift::ops {

constexpr int64_t kIgnoreLabel = -100;

// Changes of the loss of a token, with p = softmax(z) and y its label:
//   (1 - label_smoothing) (-log p_y) + label_smoothing mean_j(-log p_j) + z_loss logsumexp(z)^2
// dft: the first term is weighted with p_y, taken as a constant (Wu et al. 2025, arXiv 2508.05629).
struct LossShape {
  double label_smoothing = 0;  // as transformers' LabelSmoother
  double z_loss = 0;           // PaLM (Chowdhery et al. 2022)
  bool dft = false;
};

// What is per token, each (tokens) fp32 or undefined.
struct TokenTerms {
  at::Tensor weights;  // factor on the loss of each token; undefined: 1
  at::Tensor losses;   // receives the weighted loss of each token before `scale`, 0 where not trained
};

// The trained tokens, where the hidden states lie.
struct TrainedRows {
  at::Tensor rows;     // (trained) int64: the tokens, each once
  at::Tensor labels;   // (trained) int64
  at::Tensor factors;  // (trained) fp32 on their losses; undefined: 1
  at::Tensor losses;   // receives the weighted losses before `scale`, (trained) fp32; or undefined
};

// Rows of logits that exist at a time, all chunks being of about one size; fp32, and beside them their
// gradients in the type of the hidden states.
int64_t cross_entropy_chunk_rows(int64_t rows, int64_t vocab);

struct LinearCrossEntropy {
  // Differentiable in h and, when it requires a gradient, w. scale multiplies the loss (1 / tokens of the
  // step).
  static at::Tensor forward(const at::Tensor& h, const at::Tensor& w, const at::Tensor& labels, double scale,
                            const LossShape& shape = {}, const TokenTerms& terms = {});
  static at::Tensor forward(const at::Tensor& h, const at::Tensor& w, const TrainedRows& trained,
                            double scale, const LossShape& shape = {});
  // The same from basic tensor operations: oracle and fallback.
  static at::Tensor plain(const at::Tensor& h, const at::Tensor& w, const at::Tensor& labels, double scale,
                          const LossShape& shape = {}, const TokenTerms& terms = {});
};

}  // namespace swift::ops
