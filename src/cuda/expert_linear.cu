#include "cuda/expert_linear.cuh"
#include "cuda/w4a16_launch.h"

namespace swift::cuda {
namespace {

// f(T{}, std::integral_constant) with the blocks of 8 rows of a tile.
template <class Function>
void dispatch_tiles(const char* name, const ExpertInputs& a, Function f) {
  require(a.type != Type::float32, name, "x must have 16 bits");
  require(a.order == nullptr || a.per_token > 0, name, "per_token must be positive");
  require_aligned(a.x, 16, name);
  const auto with = [&](auto blocks) {
    if (a.type == Type::float16) return f(f16{}, blocks);
    f(bf16{}, blocks);
  };
  switch (a.tile_rows) {
    case 8:
      return with(std::integral_constant<int, 1>{});
    case 16:
      return with(std::integral_constant<int, 2>{});
    case 32:
      return with(std::integral_constant<int, 4>{});
    default:
      refuse(name, "tiles must have 8, 16 or 32 rows");
  }
}

LaunchShape shape_of(const char* name, const ExpertInputs& a, int out, Stream stream) {
  const int tiles = ceil_div(out, kTileOut);
  require(tiles <= 65535, name, "out is too large");
  return {dim3(static_cast<unsigned>(a.tile_count), static_cast<unsigned>(tiles)),
          dim3(kSkinnyWarps * kWarpThreads), 0, stream};
}

}  // namespace

void expert_linear(const ExpertInputs& a, const void* weight, int in, int out, Stream stream) {
  constexpr const char* kName = "expert_linear";
  require(in % 8 == 0, kName, "in must be a multiple of 8");
  require_aligned(weight, 16, kName);
  if (a.tile_count == 0 || out == 0) return;
  dispatch_tiles(kName, a, [&](auto zero, auto blocks) {
    using T = decltype(zero);
    launch(kName, expert_linear_kernel<T, blocks>, shape_of(kName, a, out, stream), a,
           static_cast<const T*>(weight), in, out);
  });
}

void expert_int4_linear(const ExpertInputs& a, const PackedInt4& weight, Stream stream) {
  constexpr const char* kName = "expert_int4_linear";
  check_int4(kName, weight);
  require(weight.order == nullptr, kName, "weights of experts have no order");
  if (a.tile_count == 0) return;
  dispatch_tiles(kName, a, [&](auto zero, auto blocks) {
    with_halves(weight, [&](auto halves) {
      launch(kName, expert_int4_linear_kernel<decltype(zero), blocks, halves>,
             shape_of(kName, a, weight.out, stream), a, weight);
    });
  });
}

}  // namespace swift::cuda
