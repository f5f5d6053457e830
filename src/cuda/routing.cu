#include "cuda/launch.h"
#include "cuda/routing.cuh"

namespace swift::cuda {
namespace {

LaunchShape check(const char* name, const Routing& a, Stream stream) {
  require(a.experts > 0 && a.experts <= kMaxExperts, name, "experts must be 1 .. 512");
  require(a.per_token > 0 && a.per_token <= kWarpThreads && a.per_token <= a.experts, name,
          "experts of a token must be 1 .. 32, and not more than there are");
  const int64_t blocks = ceil_div<int64_t>(a.tokens, kRoutingWarps);
  require(blocks <= 0x7FFFFFFF, name, "too many tokens");
  return {dim3(static_cast<unsigned>(blocks)), dim3(kRoutingWarps * kWarpThreads), 0, stream};
}

// f(std::integral_constant) of the experts of a lane.
template <class Function>
void with_values(int experts, Function f) {
  if (experts <= 64) return f(std::integral_constant<int, 2>{});
  if (experts <= 128) return f(std::integral_constant<int, 4>{});
  if (experts <= 256) return f(std::integral_constant<int, 8>{});
  f(std::integral_constant<int, 16>{});
}

}  // namespace

void route_tokens(const Routing& a, Stream stream) {
  constexpr const char* kName = "route_tokens";
  const LaunchShape shape = check(kName, a, stream);
  if (a.tokens == 0) return;
  dispatch(a.type, [&](auto zero) {
    with_values(a.experts,
                [&](auto values) { launch(kName, route_tokens_kernel<decltype(zero), values>, shape, a); });
  });
}

void route_tokens_backward(const RoutingBackward& a, Stream stream) {
  constexpr const char* kName = "route_tokens_backward";
  const LaunchShape shape = check(kName, a.forward, stream);
  require(a.forward.probabilities != nullptr, kName, "it needs the probabilities");
  if (a.forward.tokens == 0) return;
  dispatch(a.forward.type, [&](auto zero) {
    with_values(a.forward.experts, [&](auto values) {
      launch(kName, route_tokens_backward_kernel<decltype(zero), values>, shape, a);
    });
  });
}

void sort_by_expert(const ExpertSort& a, Stream stream) {
  constexpr const char* kName = "sort_by_expert";
  require(a.experts > 0 && a.experts <= kMaxExperts, kName, "experts must be 1 .. 512");
  require(a.choices > 0 && a.choices <= INT32_MAX, kName, "choices out of range");
  require(!a.tiles || a.tile_rows > 0, kName, "tiles need rows");
  const LaunchShape shape{dim3(static_cast<unsigned>(ceil_div<int64_t>(a.choices, kSortChunk))),
                          dim3(kSortChunk), 0, stream};
  launch("count_choices", count_choices_kernel, shape, a);
  launch("place_choices", place_choices_kernel, shape, a,
         a.tiles ? expert_tiles(a.choices, a.experts, a.tile_rows) : int64_t{0});
}

}  // namespace swift::cuda
