#include "cuda/w4a16_launch.h"
#include "cuda/w4a16_striped.cuh"

namespace swift::cuda {
namespace {

constexpr const char* kName = "striped_int4_linear";

template <class T, int Blocks, int Halves>
void run(const StripedInt4Linear& a, Stream stream) {
  using Stage = StripeStage<Blocks, Halves>;
  launch(
      kName, striped_int4_linear_kernel<T, Blocks, Halves>,
      {dim3(static_cast<unsigned>(a.stripes)), dim3(kStripeThreads), Stage::kStages * Stage::kBytes, stream},
      a);
}

template <class T, int Halves>
void choose_blocks(const StripedInt4Linear& a, Stream stream) {
  if (a.linear.rows <= 8) return run<T, 1, Halves>(a, stream);
  if (a.linear.rows <= 16) return run<T, 2, Halves>(a, stream);
  if (a.linear.rows <= 32) return run<T, 4, Halves>(a, stream);
  run<T, 8, Halves>(a, stream);
}

}  // namespace

void striped_int4_linear(const StripedInt4Linear& a, Stream stream) {
  const PackedInt4& w = a.linear.weight;
  check_int4(kName, w);
  require(a.linear.rows <= 64, kName, "more than 64 rows");
  const int64_t units = int64_t{ceil_div(w.out, kStripeOut)} * (w.in / kTileIn);
  require(a.stripes > 0 && a.stripes <= units, kName, "stripes must be 1 .. ceil(out / 128) * in / 64");
  if (a.linear.rows == 0) return;
  StripedInt4Linear ordered = a;
  ordered.linear = in_order(kName, a.linear, stream);
  with_halves(w, [&](auto halves) {
    if (a.linear.type == Type::float16) return choose_blocks<f16, halves>(ordered, stream);
    choose_blocks<bf16, halves>(ordered, stream);
  });
}

}  // namespace swift::cuda
