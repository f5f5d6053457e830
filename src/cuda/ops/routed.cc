#include "cuda/ops/routed.h"

#include "cuda/expert_product.h"
#include "cuda/ops/cuda_ops.h"
#include "cuda/ops/platform.h"
#include "cuda/routing.h"

namespace swift::cuda {
using at::Tensor;
namespace {

constexpr int64_t kMostExperts = 512, kMostPerToken = 32;

void sort_choices(ops::ExpertRoute& route, int64_t experts) {
  const auto whole = route.chosen.options();
  const int64_t choices = route.chosen.numel();
  const auto count = static_cast<int>(experts);
  route.starts = at::empty({experts + 1}, whole);
  route.order = at::empty({choices}, whole);
  route.places = at::empty({choices}, whole);
  route.tiles = at::empty({expert_tiles(choices, count, route.tile_rows), 3}, whole);
  const Tensor counts = at::empty({(choices + kSortChunk - 1) / kSortChunk, experts}, whole);
  sort_by_expert(
      {route.chosen.const_data_ptr<int32_t>(), choices, count, route.starts.data_ptr<int32_t>(),
       route.order.data_ptr<int32_t>(), route.places.data_ptr<int32_t>(),
       static_cast<ExpertTile*>(route.tiles.data_ptr()), route.tile_rows, counts.data_ptr<int32_t>()},
      stream_of(route.chosen));
}

}  // namespace

ops::RoutedTokens routed(const Tensor& scores_in, int64_t per_token, bool normalize, int tile_rows,
                         bool with_probabilities) {
  const Tensor scores = scores_in.contiguous();
  const int64_t tokens = scores.size(0), experts = scores.size(1);
  const auto whole = scores.options().dtype(at::kInt), real = scores.options().dtype(at::kFloat);
  ops::RoutedTokens result;
  if (with_probabilities) result.probabilities = at::empty({tokens, experts}, real);
  result.shares = at::empty({tokens, per_token}, real);
  result.route.chosen = at::empty({tokens, per_token}, whole);
  result.route.tile_rows = tile_rows;
  Routing a{};
  a.type = type_of(scores);
  a.scores = scores.const_data_ptr();
  a.probabilities = with_probabilities ? result.probabilities.data_ptr<float>() : nullptr;
  a.chosen = result.route.chosen.data_ptr<int32_t>();
  a.shares = result.shares.data_ptr<float>();
  a.normalize = normalize;
  a.tokens = tokens;
  a.experts = static_cast<int>(experts);
  a.per_token = static_cast<int>(per_token);
  cuda::route_tokens(a, stream_of(scores));
  sort_choices(result.route, experts);
  return result;
}

bool CudaOps::takes_expert_rows(at::ScalarType type, int64_t experts, int64_t columns,
                                int64_t per_token) const {
  const bool narrow = type == at::kBFloat16 || type == at::kHalf;
  const bool whole = narrow ? columns % 8 == 0 : type == at::kFloat && columns % 4 == 0;
  return whole && experts <= kMostExperts && per_token <= kMostPerToken;
}

ops::RoutedTokens CudaOps::route_tokens(const Tensor& scores, int64_t per_token, bool normalize) const {
  return routed(scores, per_token, normalize, kProductRows, true);
}

Tensor CudaOps::route_tokens_backward(const ops::RoutedTokens& tokens, bool normalize, const Tensor& d_shares,
                                      const Tensor& d_probabilities, at::ScalarType type) const {
  const Tensor of_shares = d_shares.contiguous(),
               of_others = d_probabilities.defined() ? d_probabilities.contiguous() : d_probabilities;
  const Tensor& probabilities = tokens.probabilities;
  const Tensor d_scores = at::empty_like(probabilities, probabilities.options().dtype(type));
  RoutingBackward a{};
  a.forward.type = type_of(type);
  a.forward.probabilities = const_cast<float*>(probabilities.const_data_ptr<float>());
  a.forward.chosen = const_cast<int32_t*>(tokens.route.chosen.const_data_ptr<int32_t>());
  a.forward.normalize = normalize;
  a.forward.tokens = probabilities.size(0);
  a.forward.experts = static_cast<int>(probabilities.size(1));
  a.forward.per_token = static_cast<int>(tokens.route.per_token());
  a.d_shares = of_shares.const_data_ptr<float>();
  a.d_probabilities = of_others.defined() ? of_others.const_data_ptr<float>() : nullptr;
  a.d_scores = d_scores.data_ptr();
  cuda::route_tokens_backward(a, stream_of(d_scores));
  return d_scores;
}

}  // namespace swift::cuda
