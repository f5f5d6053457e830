// GaLore's projection of a gradient to the space of its first singular vectors (arXiv 2403.03507).
#pragma once
#include <string>
#include <vector>

#include "train/optimizer.h"
#include "train/optimizers/settings.h"

namespace swift::train {

enum class Side { left, right, full };

// std projects the shorter side of a (rows, columns) gradient, reverse_std the longer one.
Side side_of(const std::string& projection, int64_t rows, int64_t columns);

// Sizes of the projected gradient: (rank, columns), (rows, rank) or (rank, rank).
std::vector<int64_t> projected_sizes(Side side, int64_t rows, int64_t columns, int64_t rank);

// The first `rank` singular vectors of an fp32 (rows, columns) matrix, as columns (rows, rank) or as rows
// (rank, columns). Each has its entry of largest magnitude positive: a decomposition leaves the sign open,
// and moments kept from before must not meet a flipped axis.
at::Tensor left_vectors(const at::Tensor& matrix, int64_t rank);
at::Tensor right_vectors(const at::Tensor& matrix, int64_t rank);

// left, right: as above; the one that `side` does not use may be undefined.
struct Basis {
  at::Tensor left, right;
};
Basis basis_of(const at::Tensor& gradient, Side side, int64_t rank);
at::Tensor project(const Basis& basis, const at::Tensor& gradient);
at::Tensor project_back(const Basis& basis, const at::Tensor& low_rank);

// Which parameters are projected. Throws base::Error(usage): a target that matches nothing, a rank above the
// shorter side of a matrix.
std::vector<bool> projected_parameters(const std::vector<Parameter>& parameters,
                                       const GaloreSettings& settings);

}  // namespace swift::train
