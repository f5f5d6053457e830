#include "cuda/launch.h"
#include "cuda/lora_add.cuh"
#include "cuda/lora_outer.cuh"
#include "cuda/lora_plain.cuh"
#include "cuda/lora_project.cuh"

namespace swift::cuda {
namespace {

constexpr int kMaxRank = 128;

void check_shape(const char* name, int64_t rows, int columns, int rank) {
  require(rows >= 0 && rows <= 0x7FFFFFFF, name, "rows out of range");
  require(columns > 0 && columns % 8 == 0, name, "columns must be a multiple of 8");
  require(rank > 0 && rank % 8 == 0 && rank <= kMaxRank, name, "rank must be a multiple of 8 up to 128");
}

DropoutMask mask_of(const char* name, const Dropout& dropout) {
  require(dropout.probability >= 0 && dropout.probability < 1, name, "dropout must be in [0, 1)");
  return {dropout.key, static_cast<uint32_t>(dropout.probability * 65536.0),
          static_cast<float>(1.0 / (1.0 - dropout.probability)), dropout.base};
}

LaunchShape cover(const char* name, int64_t threads, int slices, Stream stream) {
  const int64_t blocks = ceil_div<int64_t>(threads, kPlainThreads);
  require(blocks <= 0x7FFFFFFF, name, "too many values");
  return {dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(slices)), dim3(kPlainThreads), 0, stream};
}

template <class T, int Ranks, int Groups>
void run_project(const ProjectRows& a, const DropoutMask& mask, Stream stream) {
  launch("project_rows", project_rows_kernel<T, Ranks, Groups>,
         {dim3(static_cast<unsigned>(ceil_div<int64_t>(a.rows, Groups * kProjectRows))),
          dim3(kProjectWarps * kWarpThreads), 0, stream},
         a, mask);
}

template <class T>
void choose_project(const ProjectRows& a, const DropoutMask& mask, Stream stream) {
  if (a.rank <= 16) return run_project<T, 16, 1>(a, mask, stream);
  if (a.rank <= 32) return run_project<T, 32, 1>(a, mask, stream);
  if (a.rank <= 64) return run_project<T, 64, 2>(a, mask, stream);
  run_project<T, 128, 2>(a, mask, stream);
}

template <class T, int Steps>
void run_add(const AddProjected& a, const DropoutMask& mask, Stream stream) {
  const int columns = ceil_div(a.columns, kAddWarps * kAddTurns * kAddColumns);
  launch("add_projected", add_projected_kernel<T, Steps>,
         {dim3(static_cast<unsigned>(ceil_div<int64_t>(a.rows, kAddRows)), static_cast<unsigned>(columns)),
          dim3(kAddWarps * kWarpThreads), 0, stream},
         a, mask);
}

template <class T>
void choose_add(const AddProjected& a, const DropoutMask& mask, Stream stream) {
  if (a.rank <= 16) return run_add<T, 1>(a, mask, stream);
  if (a.rank <= 32) return run_add<T, 2>(a, mask, stream);
  if (a.rank <= 64) return run_add<T, 4>(a, mask, stream);
  run_add<T, 8>(a, mask, stream);
}

template <class T, int Ranks>
void run_outer(const SumOuter& a, const DropoutMask& mask, Stream stream) {
  launch("sum_outer", sum_outer_kernel<T, Ranks>,
         {dim3(static_cast<unsigned>(ceil_div(a.columns, kOuterColumns)), static_cast<unsigned>(a.slices)),
          dim3(kOuterThreads), OuterLayout<Ranks>::kBytes, stream},
         a, mask);
}

template <class T>
void choose_outer(const SumOuter& a, const DropoutMask& mask, Stream stream) {
  if (a.h_rank <= 32) return run_outer<T, 32>(a, mask, stream);
  if (a.h_rank <= 64) return run_outer<T, 64>(a, mask, stream);
  run_outer<T, 128>(a, mask, stream);
}

}  // namespace

void project_rows(const ProjectRows& a, Stream stream) {
  constexpr const char* kName = "project_rows";
  check_shape(kName, a.rows, a.columns, a.rank);
  for (const void* pointer : {a.x, a.factor}) require_aligned(pointer, 16, kName);
  const DropoutMask mask = mask_of(kName, a.dropout);
  if (a.rows == 0) return;
  switch (a.type) {
    case Type::float16:
      return choose_project<f16>(a, mask, stream);
    case Type::bfloat16:
      return choose_project<bf16>(a, mask, stream);
    case Type::float32:
      return launch(kName, project_rows_plain_kernel, cover(kName, a.rows * a.rank * kWarpThreads, 1, stream),
                    a, mask);
  }
}

void add_projected(const AddProjected& a, Stream stream) {
  constexpr const char* kName = "add_projected";
  check_shape(kName, a.rows, a.columns, a.rank);
  for (const void* pointer : {a.h, a.factor, static_cast<const void*>(a.y)})
    require_aligned(pointer, 16, kName);
  const DropoutMask mask = mask_of(kName, a.dropout);
  if (a.rows == 0) return;
  switch (a.type) {
    case Type::float16:
      return choose_add<f16>(a, mask, stream);
    case Type::bfloat16:
      return choose_add<bf16>(a, mask, stream);
    case Type::float32:
      return launch(kName, add_projected_plain_kernel, cover(kName, a.rows * a.columns, 1, stream), a, mask);
  }
}

void sum_outer(const SumOuter& a, Stream stream) {
  constexpr const char* kName = "sum_outer";
  check_shape(kName, a.rows, a.columns, a.h_rank);
  require(a.rank > 0 && a.rank <= a.h_rank, kName, "rank must be 1 .. h_rank");
  require(a.slices > 0 && a.slices <= 64, kName, "slices must be 1 .. 64");
  for (const void* pointer : {a.h, a.x}) require_aligned(pointer, 16, kName);
  const DropoutMask mask = mask_of(kName, a.dropout);
  switch (a.type) {
    case Type::float16:
      choose_outer<f16>(a, mask, stream);
      break;
    case Type::bfloat16:
      choose_outer<bf16>(a, mask, stream);
      break;
    case Type::float32:
      launch(kName, sum_outer_plain_kernel, cover(kName, int64_t{a.h_rank} * a.columns, a.slices, stream), a,
             mask);
  }
  launch("finish_outer", finish_outer_kernel, cover(kName, int64_t{a.rank} * a.columns, 1, stream), a);
}

void round_factor(const RoundFactor& a, Stream stream) {
  constexpr const char* kName = "round_factor";
  require(a.rank > 0 && a.rank <= a.padded && a.columns > 0, kName, "rank or columns out of range");
  dispatch(a.type, [&](auto zero) {
    launch(kName, round_factor_kernel<decltype(zero)>, cover(kName, int64_t{a.padded} * a.columns, 1, stream),
           a);
  });
}

}  // namespace swift::cuda
