#include "cuda/expert_rows.cuh"
#include "cuda/launch.h"

namespace swift::cuda {
namespace {

LaunchShape cover(const char* name, int64_t threads, Stream stream) {
  const int64_t blocks = ceil_div<int64_t>(threads, kRowThreads);
  require(blocks <= 0x7FFFFFFF, name, "too many rows");
  return {dim3(static_cast<unsigned>(blocks)), dim3(kRowThreads), 0, stream};
}

// The pieces of 16 bytes of a row.
int check_rows(const char* name, Type type, int columns, int per_token) {
  const auto bytes = static_cast<int64_t>(size_of(type)) * columns;
  require(columns > 0 && bytes % 16 == 0, name, "a row must be a multiple of 16 bytes");
  require(per_token > 0, name, "per_token must be positive");
  return static_cast<int>(bytes / 16);
}

}  // namespace

void sort_rows(const SortRows& a, Stream stream) {
  constexpr const char* kName = "sort_rows";
  const int pieces = check_rows(kName, a.type, a.columns, a.per_token);
  for (const void* pointer : {a.x, static_cast<const void*>(a.rows)}) require_aligned(pointer, 16, kName);
  if (a.choices == 0) return;
  launch(kName, sort_rows_kernel, cover(kName, a.choices * pieces, stream), a, pieces);
}

void combine_rows(const CombineRows& a, Stream stream) {
  constexpr const char* kName = "combine_rows";
  const int pieces = check_rows(kName, a.type, a.columns, a.per_token);
  for (const void* pointer : {a.rows, static_cast<const void*>(a.y)}) require_aligned(pointer, 16, kName);
  if (a.tokens == 0) return;
  dispatch(a.type, [&](auto zero) {
    launch(kName, combine_rows_kernel<decltype(zero)>, cover(kName, a.tokens * pieces, stream), a);
  });
}

void combine_rows_backward(const CombineRowsBackward& a, Stream stream) {
  constexpr const char* kName = "combine_rows_backward";
  const CombineRows& f = a.forward;
  check_rows(kName, f.type, f.columns, f.per_token);
  for (const void* pointer : {f.rows, a.dy, static_cast<const void*>(a.d_rows)})
    require_aligned(pointer, 16, kName);
  if (f.tokens == 0) return;
  dispatch(f.type, [&](auto zero) {
    launch(kName, combine_rows_backward_kernel<decltype(zero)>,
           cover(kName, f.tokens * f.per_token * kWarpThreads, stream), a);
  });
}

void drop_expert_rows(const DropExpertRows& a, Stream stream) {
  constexpr const char* kName = "drop_expert_rows";
  check_rows(kName, a.type, a.columns, 1);
  require(a.p >= 0 && a.p < 1, kName, "p must be in [0, 1)");
  for (const void* pointer : {a.x, static_cast<const void*>(a.y)}) require_aligned(pointer, 16, kName);
  if (a.tile_count == 0) return;
  const DropoutMask mask{0, static_cast<uint32_t>(a.p * 65536.0), static_cast<float>(1.0 / (1.0 - a.p)),
                         a.base};
  const LaunchShape shape{dim3(static_cast<unsigned>(a.tile_count)), dim3(kRowThreads), 0, stream};
  dispatch(a.type,
           [&](auto zero) { launch(kName, drop_expert_rows_kernel<decltype(zero)>, shape, a, mask); });
}

}  // namespace swift::cuda
