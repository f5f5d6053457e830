#include "cuda/launch.h"
#include "cuda/w4a16.cuh"

namespace swift::cuda {
namespace {

void check_shape(const char* name, const PackedInt4& w) {
  require(w.in % kTileIn == 0 && w.out % kTileOut == 0, name, "in must be a multiple of 64, out of 16");
  require(w.group % kTileIn == 0 && w.in % w.group == 0, name,
          "group must be a multiple of 64 that divides in");
  require_aligned(w.words, 16, name);
}

template <class T>
void run(const char* name, const Int4Linear& a, Stream stream) {
  const LaunchShape shape{dim3(static_cast<unsigned>(a.weight.out / kTileOut)),
                          dim3(kSkinnyWarps * kWarpThreads), 0, stream};
  if (a.rows <= 8) return launch(name, int4_linear_kernel<T, 1>, shape, a);
  if (a.rows <= 16) return launch(name, int4_linear_kernel<T, 2>, shape, a);
  launch(name, int4_linear_kernel<T, 4>, shape, a);
}

}  // namespace

void pack_int4(const GroupCodes& source, const PackedInt4& target, Stream stream) {
  constexpr const char* kName = "pack_int4";
  check_shape(kName, target);
  require(source.in == target.in && source.columns == target.out && source.group == target.group, kName,
          "shapes differ");
  require(source.g_idx == nullptr, kName, "act-order (g_idx) is not packed");
  require(source.type != Type::float32 && source.scale_type != Type::float32, kName,
          "scales must have 16 bits");
  const auto cover = [&](int64_t threads) {
    return LaunchShape{dim3(static_cast<unsigned>(ceil_div<int64_t>(threads, 256))), dim3(256), 0, stream};
  };
  launch("pack_words", pack_words_kernel, cover(int64_t{target.in} * target.out / 8), source, target);
  const LaunchShape shape = cover(int64_t{target.in / target.group} * target.out);
  if (source.type == Type::float16) {
    if (source.scale_type == Type::float16)
      return launch("pack_scales", pack_scales_kernel<f16, f16>, shape, source, target);
    return launch("pack_scales", pack_scales_kernel<f16, bf16>, shape, source, target);
  }
  if (source.scale_type == Type::float16)
    return launch("pack_scales", pack_scales_kernel<bf16, f16>, shape, source, target);
  launch("pack_scales", pack_scales_kernel<bf16, bf16>, shape, source, target);
}

void int4_linear(const Int4Linear& a, Stream stream) {
  constexpr const char* kName = "int4_linear";
  check_shape(kName, a.weight);
  require(a.rows <= 32, kName, "more than 32 rows");
  require(a.type != Type::float32, kName, "x must have 16 bits");
  require_aligned(a.x, 16, kName);
  if (a.rows == 0) return;
  if (a.type == Type::float16) return run<f16>(kName, a, stream);
  run<bf16>(kName, a, stream);
}

}  // namespace swift::cuda
