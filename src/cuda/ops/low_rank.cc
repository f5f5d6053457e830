// ops/device_low_rank.h over cuda/lora.h.
#include <algorithm>

#include "cuda/lora.h"
#include "cuda/ops/cuda_ops.h"
#include "cuda/ops/platform.h"
#include "ops/device_low_rank.h"

namespace swift::cuda {
using at::Tensor;
using ops::KeyedDrop;
namespace {

constexpr int64_t kMostRank = 128;

int64_t padded(int64_t rank) {
  return (rank + 7) / 8 * 8;
}

// The factor in the type of `like`: (padded rank, columns), or (columns, padded rank) when `wide` is false.
Tensor rounded(const Tensor& factor, bool by_columns, bool wide, const Tensor& like) {
  const Tensor dense = factor.to(at::kFloat).contiguous();
  const int64_t rank = dense.size(by_columns ? 1 : 0), columns = dense.size(by_columns ? 0 : 1);
  const int64_t whole = padded(rank);
  const Tensor result =
      wide ? at::empty({whole, columns}, like.options()) : at::empty({columns, whole}, like.options());
  RoundFactor a{};
  a.type = type_of(like);
  a.from = dense.const_data_ptr<float>();
  a.from_transposed = by_columns;
  (wide ? a.rows : a.transposed) = result.data_ptr();
  a.rank = static_cast<int>(rank);
  a.padded = static_cast<int>(whole);
  a.columns = static_cast<int>(columns);
  round_factor(a, stream_of(like));
  return result;
}

}  // namespace

bool CudaOps::takes_low_rank(at::ScalarType type, int64_t in, int64_t out, int64_t rank) const {
  const bool narrow = type == at::kBFloat16 || type == at::kHalf;
  return narrow && in % 8 == 0 && out % 8 == 0 && rank <= kMostRank;
}

Tensor CudaOps::project(const Tensor& x, const Tensor& factor, bool turned, double scale,
                        const KeyedDrop& drop) const {
  const Tensor rows = rounded(factor, turned, true, x);  // (padded, columns)
  const Tensor h = at::empty({x.size(0), rows.size(0)}, x.options());
  ProjectRows a{};
  a.type = type_of(x);
  a.x = x.const_data_ptr();
  a.factor = rows.const_data_ptr();
  a.h = h.data_ptr();
  a.rows = x.size(0);
  a.columns = static_cast<int>(x.size(1));
  a.rank = static_cast<int>(rows.size(0));
  a.scale = static_cast<float>(scale);
  a.dropout = {drop.probability, drop.key.value, base_of(drop.key)};
  project_rows(a, stream_of(x));
  return h;
}

void CudaOps::add_projected(const Tensor& y, const Tensor& h, const Tensor& factor, bool turned,
                            const KeyedDrop& drop) const {
  const Tensor columns = rounded(factor, !turned, false, y);  // (columns, padded)
  AddProjected a{};
  a.type = type_of(y);
  a.h = h.const_data_ptr();
  a.factor = columns.const_data_ptr();
  a.y = y.data_ptr();
  a.rows = y.size(0);
  a.columns = static_cast<int>(y.size(1));
  a.rank = static_cast<int>(h.size(1));
  a.dropout = {drop.probability, drop.key.value, base_of(drop.key)};
  cuda::add_projected(a, stream_of(y));
}

Tensor CudaOps::sum_outer(const Tensor& h, const Tensor& x, int64_t rank, bool turned,
                          const KeyedDrop& drop) const {
  const int64_t columns = x.size(1);
  const auto wide = x.options().dtype(at::kFloat);
  const Tensor sum = turned ? at::empty({columns, rank}, wide) : at::empty({rank, columns}, wide);
  const int64_t slices =
      std::clamp<int64_t>(int64_t{2} * multiprocessors(x) * 64 / std::max<int64_t>(1, columns), 1, 64);
  const Tensor partial = at::empty({slices, h.size(1), columns}, wide);
  SumOuter a{};
  a.type = type_of(x);
  a.h = h.const_data_ptr();
  a.x = x.const_data_ptr();
  a.sum = sum.data_ptr<float>();
  a.partial = partial.data_ptr<float>();
  a.rows = x.size(0);
  a.columns = static_cast<int>(columns);
  a.h_rank = static_cast<int>(h.size(1));
  a.rank = static_cast<int>(rank);
  a.slices = static_cast<int>(slices);
  a.transposed = turned;
  a.dropout = {drop.probability, drop.key.value, base_of(drop.key)};
  cuda::sum_outer(a, stream_of(x));
  return sum;
}

}  // namespace swift::cuda
