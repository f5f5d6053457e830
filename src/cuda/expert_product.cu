#include "cuda/expert_product.cuh"
#include "cuda/launch.h"

namespace swift::cuda {
namespace {

// f(T{}, std::bool_constant) with the type, and whether tensor cores do not take it or the columns.
template <class Function>
void dispatch_product(Type type, int in, int out, Function f) {
  const bool whole = in % 8 == 0 && out % 8 == 0;
  dispatch(type, [&](auto zero) {
    if constexpr (sizeof(zero) == 2) {
      if (whole) return f(zero, std::false_type{});
    }
    f(zero, std::true_type{});
  });
}

template <bool Plain>
int column_parts(const char* name, int columns) {
  const int parts = ceil_div(columns, Plain ? kPlainColumns : kProductColumns);
  require(parts <= 65535, name, "too many columns");
  return parts;
}

template <class Tiles, bool Plain>
LaunchShape shape_of(dim3 grid, Stream stream) {
  return {grid, dim3(Plain ? kPlainThreads : kProductThreads), Plain ? 0 : size_t{Tiles::kBytes}, stream};
}

}  // namespace

void expert_product(const ExpertProduct& a, Stream stream) {
  constexpr const char* kName = "expert_product";
  require_aligned(a.x, 16, kName);
  require_aligned(a.weight, 16, kName);
  if (a.tile_count == 0 || a.in == 0 || a.out == 0) return;
  dispatch_product(a.type, a.in, a.out, [&](auto zero, auto plain) {
    using T = decltype(zero);
    const auto run = [&](auto turned) {
      const dim3 grid(static_cast<unsigned>(a.tile_count),
                      static_cast<unsigned>(column_parts<plain>(kName, turned ? a.in : a.out)));
      launch(kName, expert_product_kernel<T, turned, plain>,
             shape_of<ProductTiles<T, false, turned>, plain>(grid, stream), a);
    };
    if (a.turned) return run(std::true_type{});
    run(std::false_type{});
  });
}

void expert_outer(const ExpertOuter& a, Stream stream) {
  constexpr const char* kName = "expert_outer";
  require(a.sum_type == a.type || a.sum_type == Type::float32, kName, "sums must be of x's type or fp32");
  require(a.experts <= 65535, kName, "too many experts");
  require_aligned(a.x, 16, kName);
  require_aligned(a.y, 16, kName);
  if (a.experts == 0 || a.in == 0 || a.out == 0) return;
  dispatch_product(a.type, a.in, a.out, [&](auto zero, auto plain) {
    using T = decltype(zero);
    const dim3 grid(static_cast<unsigned>(ceil_div(a.out, kProductRows)),
                    static_cast<unsigned>(column_parts<plain>(kName, a.in)),
                    static_cast<unsigned>(a.experts));
    const LaunchShape shape = shape_of<ProductTiles<T, true, true>, plain>(grid, stream);
    if (a.sum_type == Type::float32) return launch(kName, expert_outer_kernel<T, float, plain>, shape, a);
    launch(kName, expert_outer_kernel<T, T, plain>, shape, a);
  });
}

}  // namespace swift::cuda
