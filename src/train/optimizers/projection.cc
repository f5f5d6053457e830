#include "train/optimizers/projection.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/format.h"
#include "base/suggest.h"

namespace swift::train {

using at::Tensor;
namespace {

// vectors: (rank, length), a vector a row.
Tensor fix_signs(const Tensor& vectors) {
  const Tensor largest = vectors.abs().argmax(1, true);
  const Tensor sign = vectors.gather(1, largest).sign();
  return vectors.mul(at::where(sign == 0, at::ones_like(sign), sign));
}

// Left singular vectors (rank, rows) of a matrix that is not tall: the eigenvectors of its Gram matrix. In
// fp64, where squaring the singular values costs no accuracy that fp32 shows; several times as fast as an
// SVD.
Tensor from_gram(const Tensor& matrix, int64_t rank) {
  const Tensor wide = matrix.to(at::kDouble);
  const auto [values, vectors] = at::linalg_eigh(at::mm(wide, wide.t()));  // ascending, (rows, rows)
  return vectors.slice(1, vectors.size(1) - rank).flip(1).t().to(at::kFloat);
}

void check_rank(const Parameter& parameter, int64_t rank) {
  const int64_t least = std::min(parameter.value.size(0), parameter.value.size(1));
  if (rank <= least) return;
  throw base::Error(base::ExitCode::usage,
                    base::cat("galore_rank ", rank, " is above the shorter side of ", parameter.name, " (",
                              parameter.value.size(0), " x ", parameter.value.size(1), ")"),
                    {},
                    base::cat("set galore_rank to at most ", least,
                              ", or name the modules to project in galore_target_modules"));
}

void check_matches(const std::string& target, const std::vector<Parameter>& parameters) {
  std::set<std::string> parts;
  for (const Parameter& parameter : parameters) {
    if (parameter.name.find(target) != std::string::npos) return;
    for (size_t begin = 0; begin < parameter.name.size();) {
      const size_t end = std::min(parameter.name.find('.', begin), parameter.name.size());
      parts.insert(parameter.name.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  const std::vector<std::string> candidates(parts.begin(), parts.end());
  const auto near = base::nearest(target, candidates);
  throw base::Error(base::ExitCode::usage,
                    "galore_target_modules: '" + target + "' is part of no trained weight's name", {},
                    near ? "did you mean '" + *near + "'?" : "as q_proj, self_attn or mlp");
}

}  // namespace

Side side_of(const std::string& projection, int64_t rows, int64_t columns) {
  if (projection == "left") return Side::left;
  if (projection == "right") return Side::right;
  if (projection == "full") return Side::full;
  const bool tall = rows >= columns;
  return tall == (projection == "std") ? Side::right : Side::left;
}

std::vector<int64_t> projected_sizes(Side side, int64_t rows, int64_t columns, int64_t rank) {
  return {side == Side::right ? rows : rank, side == Side::left ? columns : rank};
}

Tensor left_vectors(const Tensor& matrix, int64_t rank) {
  if (matrix.size(0) <= matrix.size(1)) return fix_signs(from_gram(matrix, rank)).t().contiguous();
  const auto [u, s, vh] = at::linalg_svd(matrix, false);
  return fix_signs(u.slice(1, 0, rank).t()).t().contiguous();
}

Tensor right_vectors(const Tensor& matrix, int64_t rank) {
  return left_vectors(matrix.t(), rank).t().contiguous();
}

Basis basis_of(const Tensor& gradient, Side side, int64_t rank) {
  Basis basis;
  if (side != Side::right) basis.left = left_vectors(gradient, rank);
  if (side != Side::left) basis.right = right_vectors(gradient, rank);
  return basis;
}

Tensor project(const Basis& basis, const Tensor& gradient) {
  Tensor low = gradient;
  if (basis.left.defined()) low = at::mm(basis.left.t(), low);
  if (basis.right.defined()) low = at::mm(low, basis.right.t());
  return low;
}

Tensor project_back(const Basis& basis, const Tensor& low_rank) {
  Tensor full = low_rank;
  if (basis.left.defined()) full = at::mm(basis.left, full);
  if (basis.right.defined()) full = at::mm(full, basis.right);
  return full;
}

std::vector<bool> projected_parameters(const std::vector<Parameter>& parameters,
                                       const GaloreSettings& settings) {
  for (const std::string& target : settings.targets) check_matches(target, parameters);
  std::vector<bool> projected;
  for (const Parameter& parameter : parameters) {
    const auto named = [&](const std::string& target) {
      return parameter.name.find(target) != std::string::npos;
    };
    const bool wanted =
        settings.targets.empty() || std::any_of(settings.targets.begin(), settings.targets.end(), named);
    const bool matrix = parameter.value.dim() == 2;
    const bool embedding = is_embedding(parameter.name);
    projected.push_back(matrix && (embedding ? settings.with_embedding : wanted));
    if (projected.back()) check_rank(parameter, settings.rank);
  }
  return projected;
}

}  // namespace swift::train
