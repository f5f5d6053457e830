// Rows of experts and their products, with gradients: ops/device_experts.h over cuda/expert_rows.h and
// cuda/expert_product.h.
#include "cuda/expert_product.h"
#include "cuda/expert_rows.h"
#include "cuda/ops/cuda_ops.h"
#include "cuda/ops/platform.h"

namespace swift::cuda {
using at::Tensor;
using ops::ExpertRoute;
namespace {

const ExpertTile* tiles_of(const ExpertRoute& route) {
  return static_cast<const ExpertTile*>(route.tiles.const_data_ptr());
}

int tile_count(const ExpertRoute& route) {
  return static_cast<int>(route.tiles.size(0));
}

// Without y.
CombineRows combination(const Tensor& rows, const Tensor& shares, const ExpertRoute& route) {
  CombineRows a{};
  a.type = type_of(rows);
  a.rows = rows.const_data_ptr();
  a.places = route.places.const_data_ptr<int32_t>();
  a.shares = shares.defined() ? shares.const_data_ptr<float>() : nullptr;
  a.tokens = route.chosen.size(0);
  a.per_token = static_cast<int>(route.per_token());
  a.columns = static_cast<int>(rows.size(1));
  return a;
}

}  // namespace

Tensor CudaOps::sort_rows(const Tensor& x_in, const ExpertRoute& route) const {
  const Tensor x = x_in.contiguous();
  const Tensor rows = at::empty({route.order.size(0), x.size(1)}, x.options());
  cuda::sort_rows({type_of(x), x.const_data_ptr(), route.order.const_data_ptr<int32_t>(), rows.data_ptr(),
                   rows.size(0), static_cast<int>(route.per_token()), static_cast<int>(x.size(1))},
                  stream_of(x));
  return rows;
}

Tensor CudaOps::combine_rows(const Tensor& rows, const Tensor& shares, const ExpertRoute& route) const {
  const Tensor y = at::empty({route.chosen.size(0), rows.size(1)}, rows.options());
  CombineRows a = combination(rows, shares, route);
  a.y = y.data_ptr();
  cuda::combine_rows(a, stream_of(rows));
  return y;
}

std::pair<Tensor, Tensor> CudaOps::combine_rows_backward(const Tensor& dy, const Tensor& rows,
                                                         const Tensor& shares,
                                                         const ExpertRoute& route) const {
  const Tensor d_rows = at::empty_like(rows), d_shares = at::empty_like(shares);
  CombineRowsBackward a{};
  a.forward = combination(rows, shares, route);
  a.dy = dy.const_data_ptr();
  a.d_rows = d_rows.data_ptr();
  a.d_shares = d_shares.data_ptr<float>();
  cuda::combine_rows_backward(a, stream_of(rows));
  return {d_rows, d_shares};
}

Tensor CudaOps::expert_product(const Tensor& x, const Tensor& weight, bool turned,
                               const ExpertRoute& route) const {
  const Tensor y = at::empty({x.size(0), weight.size(turned ? 2 : 1)}, x.options());
  ExpertProduct a{};
  a.type = type_of(x);
  a.x = x.const_data_ptr();
  a.weight = weight.const_data_ptr();
  a.turned = turned;
  a.tiles = tiles_of(route);
  a.tile_count = tile_count(route);
  a.y = y.data_ptr();
  a.in = static_cast<int>(weight.size(2));
  a.out = static_cast<int>(weight.size(1));
  cuda::expert_product(a, stream_of(x));
  return y;
}

Tensor CudaOps::expert_outer(const Tensor& y, const Tensor& x, const ExpertRoute& route,
                             at::ScalarType type) const {
  const int64_t experts = route.starts.size(0) - 1;
  const Tensor sum = at::empty({experts, y.size(1), x.size(1)}, x.options().dtype(type));
  ExpertOuter a{};
  a.type = type_of(x);
  a.sum_type = type_of(type);
  a.y = y.const_data_ptr();
  a.x = x.const_data_ptr();
  a.starts = route.starts.const_data_ptr<int32_t>();
  a.sum = sum.data_ptr();
  a.experts = static_cast<int>(experts);
  a.in = static_cast<int>(x.size(1));
  a.out = static_cast<int>(y.size(1));
  cuda::expert_outer(a, stream_of(x));
  return sum;
}

Tensor CudaOps::drop_expert_rows(const Tensor& x, double p, const std::vector<ops::DropoutKey>& keys,
                                 const ExpertRoute& route) const {
  const Tensor y = at::empty_like(x);
  std::vector<int64_t> values;
  for (const ops::DropoutKey& key : keys) values.push_back(static_cast<int64_t>(key.value));
  const Tensor there = uploaded(values, x);
  DropExpertRows a{};
  a.type = type_of(x);
  a.x = x.const_data_ptr();
  a.y = y.data_ptr();
  a.tiles = tiles_of(route);
  a.starts = route.starts.const_data_ptr<int32_t>();
  a.keys = reinterpret_cast<const uint64_t*>(there.const_data_ptr<int64_t>());
  a.base = base_of(keys.front());
  a.tile_count = tile_count(route);
  a.columns = static_cast<int>(x.size(1));
  a.p = p;
  cuda::drop_expert_rows(a, stream_of(x));
  return y;
}

}  // namespace swift::cuda
