// What the launchers of packed 4-bit weights share.
#pragma once
#include "cuda/launch.h"
#include "cuda/w4a16.h"

namespace swift::cuda {

inline void check_int4(const char* name, const PackedInt4& w) {
  require(w.in % 64 == 0 && w.out % 16 == 0, name, "in must be a multiple of 64, out of 16");
  require(w.group > 0 && w.group % 32 == 0 && w.in % w.group == 0, name,
          "group must be a multiple of 32 that divides in");
  for (const void* pointer : {static_cast<const void*>(w.words), static_cast<const void*>(w.scales),
                              static_cast<const void*>(w.zeros)})
    require_aligned(pointer, 16, name);
}

// The linear with x in the weight's order; queues the gather if that is not x's own.
inline Int4Linear in_order(const char* name, const Int4Linear& a, Stream stream) {
  require(a.type != Type::float32, name, "x must have 16 bits");
  require_aligned(a.x, 16, name);
  if (a.weight.order == nullptr) return a;
  require(a.ordered != nullptr, name, "a weight with an order needs scratch for x");
  gather_columns(a.type, a.x, a.weight.order, a.ordered, a.rows, a.weight.in, stream);
  Int4Linear ordered = a;
  ordered.x = a.ordered;
  ordered.weight.order = nullptr;
  return ordered;
}

// f(std::integral_constant) of the groups that a tile of 64 inputs may have scales of: 1 or 2.
template <class Function>
void with_halves(const PackedInt4& w, Function f) {
  if (w.group % 64 == 0) return f(std::integral_constant<int, 1>{});
  f(std::integral_constant<int, 2>{});
}

}  // namespace swift::cuda
