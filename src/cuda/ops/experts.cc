// ops/device_experts.h: routing, rows by expert, and their linears on tiles of rows.
#include "cuda/expert_linear.h"
#include "cuda/expert_rows.h"
#include "cuda/ops/cuda_ops.h"
#include "cuda/ops/platform.h"
#include "cuda/ops/routed.h"

namespace swift::cuda {
using at::Tensor;
namespace {

// Tiles of few rows where experts have few, so that no product is mostly padding.
int tile_rows_for(int64_t choices, int64_t experts) {
  const int64_t each = choices / experts;
  return each <= 8 ? 8 : each <= 16 ? 16 : 32;
}

// weight (experts, out, in). by_token: x has a row for each token, else for each sorted choice.
Tensor products(const ops::ExpertRoute& route, const Tensor& x, bool by_token, const Tensor& weight) {
  const Tensor y = at::empty({route.order.size(0), weight.size(1)}, x.options());
  ExpertInputs a{};
  a.type = type_of(x);
  a.x = x.const_data_ptr();
  a.order = by_token ? route.order.const_data_ptr<int32_t>() : nullptr;
  a.per_token = static_cast<int>(route.per_token());
  a.tiles = static_cast<const ExpertTile*>(route.tiles.const_data_ptr());
  a.tile_count = static_cast<int>(route.tiles.size(0));
  a.tile_rows = route.tile_rows;
  a.y = y.data_ptr();
  expert_linear(a, weight.const_data_ptr(), static_cast<int>(weight.size(2)),
                static_cast<int>(weight.size(1)), stream_of(x));
  return y;
}

}  // namespace

bool CudaOps::takes_experts(at::ScalarType type, int64_t experts, int64_t hidden, int64_t intermediate,
                            int64_t per_token) const {
  const bool narrow = type == at::kBFloat16 || type == at::kHalf;
  return narrow && intermediate % 8 == 0 && takes_expert_rows(type, experts, hidden, per_token);
}

Tensor CudaOps::mix_experts(const Tensor& y_in, const Tensor& scores,
                            const ops::JoinedExperts& experts) const {
  const Tensor y = y_in.contiguous();
  const int tile_rows = tile_rows_for(y.size(0) * experts.per_token, scores.size(1));
  const ops::RoutedTokens tokens = routed(scores, experts.per_token, experts.normalize, tile_rows, false);
  const Tensor both = products(tokens.route, y, true, experts.gate_up);
  const int64_t half = both.size(1) / 2;
  const Tensor gated = swiglu(both.narrow(1, 0, half), both.narrow(1, half, half));
  return combine_rows(products(tokens.route, gated, false, experts.down), tokens.shares, tokens.route);
}

}  // namespace swift::cuda
