// Where the values of a fresh adapter come from.
#pragma once
#include "base/rng.h"
#include "model/adapter.h"

namespace swift::model {

// The pair of one linear by settings.init, with its DoRA magnitudes. PiSSA takes the pair's product out of
// the linear's weight. Throws base::Error(usage) when the rank is above the matrix.
LoraPair fresh_pair(LinearLayer& linear, const LoraSettings& settings, uint64_t seed);

// Throws base::Error(usage) when a fresh pair's rank is above what the matrix has.
void require_rank(const LinearLayer& linear, const LoraSettings& settings);

// The pair that the settings give this linear, with values still to be read from a file. Throws
// base::Error(model) when the rank is out of any bound.
LoraPair empty_pair(const LinearLayer& linear, const LoraSettings& settings);

// What DoRA keeps for this weight, with magnitudes that change nothing for the present pair.
Dora fresh_dora(const LinearLayer& linear, const LoraPair& pair);

// The weight without the product of the pair's start: W - scale · B0 · A0 in fp32, rounded to W's type.
at::Tensor residual_weight(const LinearLayer& linear, const LoraPair& pair);

// The largest `rank` singular values of W as B = U √(S / scale), A = √(S / scale) V^T (Meng et al. 2024).
// niter 0: exact; above: that many subspace iterations from a random start.
std::pair<at::Tensor, at::Tensor> principal_pair(const at::Tensor& w, int64_t rank, double scale,
                                                 int64_t niter, const base::Stream& stream);

// The settings of the plain LoRA of twice the rank whose scale is the same.
LoraSettings doubled(LoraSettings settings);

}  // namespace swift::model
