#include "cuda/launch.h"
#include "cuda/w4a16_striped.cuh"

namespace swift::cuda {
namespace {

constexpr const char* kName = "striped_int4_linear";

template <class T, int Blocks>
void run(const StripedInt4Linear& a, Stream stream) {
  using Stage = StripeStage<Blocks>;
  launch(
      kName, striped_int4_linear_kernel<T, Blocks>,
      {dim3(static_cast<unsigned>(a.stripes)), dim3(kStripeThreads), Stage::kStages * Stage::kBytes, stream},
      a);
}

template <class T>
void choose_blocks(const StripedInt4Linear& a, Stream stream) {
  if (a.linear.rows <= 8) return run<T, 1>(a, stream);
  if (a.linear.rows <= 16) return run<T, 2>(a, stream);
  if (a.linear.rows <= 32) return run<T, 4>(a, stream);
  run<T, 8>(a, stream);
}

}  // namespace

void striped_int4_linear(const StripedInt4Linear& a, Stream stream) {
  const Int4Linear& l = a.linear;
  const PackedInt4& w = l.weight;
  require(w.in % kTileIn == 0 && w.out % kTileOut == 0, kName, "in must be a multiple of 64, out of 16");
  require(w.group % kTileIn == 0 && w.in % w.group == 0, kName,
          "group must be a multiple of 64 that divides in");
  require(l.rows <= 64, kName, "more than 64 rows");
  require(l.type != Type::float32, kName, "x must have 16 bits");
  const int64_t units = int64_t{ceil_div(w.out, kStripeOut)} * (w.in / kTileIn);
  require(a.stripes > 0 && a.stripes <= units, kName, "stripes must be 1 .. ceil(out / 128) * in / 64");
  for (const void* pointer : {l.x, static_cast<const void*>(w.words), static_cast<const void*>(w.scales),
                              static_cast<const void*>(w.zeros)})
    require_aligned(pointer, 16, kName);
  if (l.rows == 0) return;
  if (l.type == Type::float16) return choose_blocks<f16>(a, stream);
  choose_blocks<bf16>(a, stream);
}

}  // namespace swift::cuda
