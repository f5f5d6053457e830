#include "cuda/dequantize.cuh"
#include "cuda/launch.h"

namespace swift::cuda {
namespace {

LaunchShape cover(const char* name, int64_t threads, Stream stream) {
  const int64_t blocks = ceil_div<int64_t>(threads, kDequantizeThreads);
  require(blocks <= 0x7FFFFFFF, name, "too many values");
  return {dim3(static_cast<unsigned>(blocks)), dim3(kDequantizeThreads), 0, stream};
}

}  // namespace

void dequantize_blocks(const BlockCodes& a, Stream stream) {
  constexpr const char* kName = "dequantize_blocks";
  require_aligned(a.codes, 4, kName);
  require_aligned(a.out, 16, kName);
  if (a.count == 0) return;
  dispatch(a.type, [&](auto zero) {
    launch(kName, dequantize_blocks_kernel<decltype(zero)>,
           cover(kName, ceil_div<int64_t>(a.count, 8), stream), a);
  });
}

void dequantize_groups(const GroupCodes& a, Stream stream) {
  constexpr const char* kName = "dequantize_groups";
  require(a.in % 8 == 0 && a.columns % 8 == 0, kName, "in and columns must be multiples of 8");
  require(a.scale_type != Type::float32, kName, "scales must have 16 bits");
  require(a.layout == GroupLayout::gptq || a.group % kAwqRows == 0, kName, "group must be a multiple of 4");
  require_aligned(a.out, 16, kName);
  require_aligned(a.scales, 16, kName);
  require_aligned(a.qweight, 8, kName);
  if (a.in == 0 || a.columns == 0) return;
  dispatch(a.type, [&](auto zero) {
    using T = decltype(zero);
    const auto run = [&](auto scale) {
      using S = decltype(scale);
      if (a.layout == GroupLayout::awq) {
        launch(kName, dequantize_awq_kernel<T, S>,
               cover(kName, int64_t{a.in / kAwqRows} * (a.columns / 8), stream), a);
      } else {
        launch(kName, dequantize_gptq_kernel<T, S>, cover(kName, int64_t{a.in / 8} * (a.columns / 2), stream),
               a);
      }
    };
    if (a.scale_type == Type::float16) return run(f16{});
    run(bf16{});
  });
}

}  // namespace swift::cuda
