// ops/device_experts.h: routing, rows by expert, and their linears on tiles of rows.
#include "cuda/expert_linear.h"
#include "cuda/expert_rows.h"
#include "cuda/ops/cuda_ops.h"
#include "cuda/ops/platform.h"
#include "cuda/routing.h"
#include "ops/device_experts.h"

namespace swift::cuda {
using at::Tensor;
namespace {

constexpr int kMostExperts = 512, kMostPerToken = 32;

// Tiles of few rows where experts have few, so that no product is mostly padding.
int tile_rows_for(int64_t choices, int64_t experts) {
  const int64_t each = choices / experts;
  return each <= 8 ? 8 : each <= 16 ? 16 : 32;
}

// Where the rows of a batch go; cuda/routing.h.
struct Sorted {
  Tensor shares, starts, order, places, tiles;
  int64_t choices;
  int tile_rows, tile_count;
};

Sorted sorted_of(const Tensor& scores, const ops::JoinedExperts& experts) {
  const int64_t tokens = scores.size(0), count = scores.size(1);
  const auto whole = scores.options().dtype(at::kInt);
  Sorted s;
  s.choices = tokens * experts.per_token;
  const Tensor chosen = at::empty({tokens, experts.per_token}, whole);
  s.shares = at::empty({tokens, experts.per_token}, whole.dtype(at::kFloat));
  Routing routing{};
  routing.type = type_of(scores);
  routing.scores = scores.const_data_ptr();
  routing.chosen = chosen.data_ptr<int32_t>();
  routing.shares = s.shares.data_ptr<float>();
  routing.normalize = experts.normalize;
  routing.tokens = tokens;
  routing.experts = static_cast<int>(count);
  routing.per_token = static_cast<int>(experts.per_token);
  route_tokens(routing, stream_of(scores));
  s.tile_rows = tile_rows_for(s.choices, count);
  s.tile_count = static_cast<int>(expert_tiles(s.choices, static_cast<int>(count), s.tile_rows));
  s.starts = at::empty({count + 1}, whole);
  s.order = at::empty({s.choices}, whole);
  s.places = at::empty({s.choices}, whole);
  s.tiles = at::empty({s.tile_count, 3}, whole);
  const Tensor counts = at::empty({(s.choices + kSortChunk - 1) / kSortChunk, count}, whole);
  sort_by_expert({chosen.const_data_ptr<int32_t>(), s.choices, static_cast<int>(count),
                  s.starts.data_ptr<int32_t>(), s.order.data_ptr<int32_t>(), s.places.data_ptr<int32_t>(),
                  static_cast<ExpertTile*>(s.tiles.data_ptr()), s.tile_rows, counts.data_ptr<int32_t>()},
                 stream_of(scores));
  return s;
}

// weight (experts, out, in). by_token: x has a row for each token, else for each sorted choice.
Tensor products(const Sorted& s, const Tensor& x, bool by_token, int64_t per_token, const Tensor& weight) {
  const Tensor y = at::empty({s.choices, weight.size(1)}, x.options());
  ExpertInputs a{};
  a.type = type_of(x);
  a.x = x.const_data_ptr();
  a.order = by_token ? s.order.const_data_ptr<int32_t>() : nullptr;
  a.per_token = static_cast<int>(per_token);
  a.tiles = static_cast<const ExpertTile*>(s.tiles.const_data_ptr());
  a.tile_count = s.tile_count;
  a.tile_rows = s.tile_rows;
  a.y = y.data_ptr();
  expert_linear(a, weight.const_data_ptr(), static_cast<int>(weight.size(2)),
                static_cast<int>(weight.size(1)), stream_of(x));
  return y;
}

}  // namespace

bool CudaOps::takes_experts(at::ScalarType type, int64_t experts, int64_t hidden, int64_t intermediate,
                            int64_t per_token) const {
  const bool narrow = type == at::kBFloat16 || type == at::kHalf;
  return narrow && hidden % 8 == 0 && intermediate % 8 == 0 && experts <= kMostExperts &&
         per_token <= kMostPerToken;
}

Tensor CudaOps::mix_experts(const Tensor& y_in, const Tensor& scores,
                            const ops::JoinedExperts& experts) const {
  const Tensor y = y_in.contiguous();
  const Sorted s = sorted_of(scores.contiguous(), experts);
  const Tensor both = products(s, y, true, experts.per_token, experts.gate_up);
  const int64_t half = both.size(1) / 2;
  const Tensor gated = swiglu(both.narrow(1, 0, half), both.narrow(1, half, half));
  const Tensor rows = products(s, gated, false, experts.per_token, experts.down);
  const Tensor mixed = at::empty_like(y);
  combine_rows({type_of(rows), rows.const_data_ptr(), s.places.const_data_ptr<int32_t>(),
                s.shares.const_data_ptr<float>(), mixed.data_ptr(), y.size(0),
                static_cast<int>(experts.per_token), static_cast<int>(y.size(1))},
               stream_of(y));
  return mixed;
}

}  // namespace swift::cuda
