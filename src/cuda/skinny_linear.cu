#include "cuda/launch.h"
#include "cuda/skinny_linear.cuh"

namespace swift::cuda {
namespace {

constexpr const char* kName = "skinny_linear";

template <class T>
void run(const SkinnyLinear& a, Stream stream) {
  const LaunchShape shape{dim3(static_cast<unsigned>(ceil_div(a.out, kTileOut))),
                          dim3(kSkinnyWarps * kWarpThreads), 0, stream};
  if (a.rows <= 8) return launch(kName, skinny_linear_kernel<T, 1>, shape, a);
  if (a.rows <= 16) return launch(kName, skinny_linear_kernel<T, 2>, shape, a);
  launch(kName, skinny_linear_kernel<T, 4>, shape, a);
}

}  // namespace

void skinny_linear(const SkinnyLinear& a, Stream stream) {
  require(a.in % 8 == 0, kName, "in must be a multiple of 8");
  require(a.rows <= 32, kName, "more than 32 rows");
  require_aligned(a.x, 16, kName);
  require_aligned(a.weight, 16, kName);
  if (a.rows == 0 || a.out == 0) return;
  switch (a.type) {
    case Type::float16:
      return run<f16>(a, stream);
    case Type::bfloat16:
      return run<bf16>(a, stream);
    case Type::float32:
      refuse(kName, "x must have 16 bits");
  }
}

}  // namespace swift::cuda
