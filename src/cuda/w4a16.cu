#include <algorithm>

#include "cuda/w4a16.cuh"
#include "cuda/w4a16_launch.h"
#include "cuda/w4a16_pack.cuh"

namespace swift::cuda {
namespace {

template <class T, int Halves>
void run(const char* name, const Int4Linear& a, Stream stream) {
  const LaunchShape shape{dim3(static_cast<unsigned>(a.weight.out / kTileOut)),
                          dim3(kSkinnyWarps * kWarpThreads), 0, stream};
  if (a.rows <= 8) return launch(name, int4_linear_kernel<T, 1, Halves>, shape, a);
  if (a.rows <= 16) return launch(name, int4_linear_kernel<T, 2, Halves>, shape, a);
  launch(name, int4_linear_kernel<T, 4, Halves>, shape, a);
}

LaunchShape cover(int64_t threads, Stream stream) {
  return {dim3(static_cast<unsigned>(ceil_div<int64_t>(threads, 256))), dim3(256), 0, stream};
}

}  // namespace

std::vector<int32_t> order_of_groups(const int32_t* g_idx, int in, int group) {
  std::vector<int32_t> next(static_cast<size_t>(in / group));
  for (size_t g = 0; g < next.size(); ++g) next[g] = static_cast<int32_t>(g) * group;
  const std::vector<int32_t> starts = next;
  std::vector<int32_t> order(static_cast<size_t>(in));
  for (int i = 0; i < in; ++i) {
    const int32_t g = g_idx[i];
    const bool fits = g >= 0 && static_cast<size_t>(g) < next.size() &&
                      next[static_cast<size_t>(g)] < starts[static_cast<size_t>(g)] + group;
    if (!fits) {
      throw base::Error(base::ExitCode::model,
                        "g_idx puts input " + std::to_string(i) + " into group " + std::to_string(g) +
                            ", which does not exist or has its " + std::to_string(group) + " inputs",
                        {}, "quantize the model again with GPTQ, or use it without act-order (desc_act)");
    }
    order[static_cast<size_t>(next[static_cast<size_t>(g)]++)] = i;
  }
  return order;
}

void pack_int4(const GroupCodes& source, const PackedInt4& target, Stream stream) {
  constexpr const char* kName = "pack_int4";
  check_int4(kName, target);
  require(source.in == target.in && source.columns == target.out && source.group == target.group, kName,
          "shapes differ");
  require((source.g_idx == nullptr) == (target.order == nullptr), kName, "g_idx and order come together");
  require(source.type != Type::float32 && source.scale_type != Type::float32, kName,
          "scales must have 16 bits");
  launch("pack_words", pack_words_kernel, cover(int64_t{target.in} * target.out / 8, stream), source, target);
  const LaunchShape shape = cover(int64_t{target.in / target.group} * target.out, stream);
  if (source.type == Type::float16) {
    if (source.scale_type == Type::float16)
      return launch("pack_scales", pack_scales_kernel<f16, f16>, shape, source, target);
    return launch("pack_scales", pack_scales_kernel<f16, bf16>, shape, source, target);
  }
  if (source.scale_type == Type::float16)
    return launch("pack_scales", pack_scales_kernel<bf16, f16>, shape, source, target);
  launch("pack_scales", pack_scales_kernel<bf16, bf16>, shape, source, target);
}

void gather_columns(Type type, const void* x, const int32_t* order, void* y, int rows, int columns,
                    Stream stream) {
  constexpr const char* kName = "gather_columns";
  require(type != Type::float32, kName, "x must have 16 bits");
  require(columns % 8 == 0, kName, "columns must be a multiple of 8");
  require_aligned(y, 16, kName);
  require_aligned(order, 16, kName);
  if (rows == 0 || columns == 0) return;
  launch(kName, gather_columns_kernel, cover(int64_t{rows} * (columns / 8), stream), x, order, y, rows,
         columns);
}

void int4_linear(const Int4Linear& a, Stream stream) {
  constexpr const char* kName = "int4_linear";
  check_int4(kName, a.weight);
  require(a.rows <= 32, kName, "more than 32 rows");
  if (a.rows == 0) return;
  const Int4Linear ordered = in_order(kName, a, stream);
  with_halves(a.weight, [&](auto halves) {
    if (a.type == Type::float16) return run<f16, halves>(kName, ordered, stream);
    run<bf16, halves>(kName, ordered, stream);
  });
}

}  // namespace swift::cuda
