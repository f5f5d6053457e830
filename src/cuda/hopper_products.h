// wgmma: d (64 x 8 Blocks) += a (64 x 16) b (16 x 8 Blocks) of a warpgroup, T bf16 or f16, sums in fp32.
// Thread 32 w + l has of each block of eight columns what lane l has of mma.sync's d, in rows 16 w and more.
// d holds its values again after warpgroup_wait().
#pragma once

// Accumulators of blocks i, i + 1 and so on as operands.
#define SWIFT_D1(d, i) "+f"(d[i][0]), "+f"(d[i][1]), "+f"(d[i][2]), "+f"(d[i][3])
#define SWIFT_D2(d, i) SWIFT_D1(d, i), SWIFT_D1(d, (i) + 1)
#define SWIFT_D4(d, i) SWIFT_D2(d, i), SWIFT_D2(d, (i) + 2)
#define SWIFT_D8(d, i) SWIFT_D4(d, i), SWIFT_D4(d, (i) + 4)
#define SWIFT_D16(d, i) SWIFT_D8(d, i), SWIFT_D8(d, (i) + 8)
#define SWIFT_D32(d, i) SWIFT_D16(d, i), SWIFT_D16(d, (i) + 16)
// 32 operands.
#define SWIFT_REGISTERS_64                                                                               \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, " \
  "%22, "                                                                                                \
  "%23, %24, %25, %26, %27, %28, %29, %30, %31"
// 64 operands.
#define SWIFT_REGISTERS_128                                                                              \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, " \
  "%22, "                                                                                                \
  "%23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, " \
  "%43, "                                                                                                \
  "%44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
// 128 operands.
#define SWIFT_REGISTERS_256                                                                                \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, "   \
  "%22, "                                                                                                  \
  "%23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, "   \
  "%43, "                                                                                                  \
  "%44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "   \
  "%64, "                                                                                                  \
  "%65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, "   \
  "%85, "                                                                                                  \
  "%86, %87, %88, %89, %90, %91, %92, %93, %94, %95, %96, %97, %98, %99, %100, %101, %102, %103, %104, "   \
  "%105, %106, %107, %108, %109, %110, %111, %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, " \
  "%122, %123, %124, %125, %126, %127"

// Both operands in shared memory, their rows along k.
#define SWIFT_MULTIPLY(N, TYPE, D, A, B, P)                                                             \
  asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" P                                                   \
               ", 0;\n"                                                                                 \
               "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPE "." TYPE " {" SWIFT_REGISTERS_##N \
               "}, %" A ", %" B ", p, 1, 1, 0, 0;\n}\n"                                                 \
               : D                                                                                      \
               : "l"(a), "l"(b), "r"(static_cast<int>(accumulate)))
// a in registers as mma.sync's, rows of b along n.
#define SWIFT_MULTIPLY_N(N, TYPE, D, A0, A1, A2, A3, B)                                                 \
  asm volatile("wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPE "." TYPE " {" SWIFT_REGISTERS_##N \
               "}, {%" A0 ", %" A1 ", %" A2 ", %" A3 "}, %" B ", 1, 1, 1, 1;\n"                         \
               : D                                                                                      \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b))

namespace swift::cuda {

// accumulate false: d = a b.
template <class T, int Blocks>
__device__ __forceinline__ void warpgroup_multiply(float (&d)[Blocks][4], MatrixTile a, MatrixTile b,
                                                   bool accumulate) {
  static_assert(Blocks == 8 || Blocks == 16 || Blocks == 32);
  if constexpr (Blocks == 8) {
    if constexpr (std::is_same_v<T, bf16>) {
      SWIFT_MULTIPLY(64, "bf16", SWIFT_D8(d, 0), "32", "33", "34");
    } else {
      SWIFT_MULTIPLY(64, "f16", SWIFT_D8(d, 0), "32", "33", "34");
    }
  } else if constexpr (Blocks == 16) {
    if constexpr (std::is_same_v<T, bf16>) {
      SWIFT_MULTIPLY(128, "bf16", SWIFT_D16(d, 0), "64", "65", "66");
    } else {
      SWIFT_MULTIPLY(128, "f16", SWIFT_D16(d, 0), "64", "65", "66");
    }
  } else if constexpr (Blocks == 32) {
    if constexpr (std::is_same_v<T, bf16>) {
      SWIFT_MULTIPLY(256, "bf16", SWIFT_D32(d, 0), "128", "129", "130");
    } else {
      SWIFT_MULTIPLY(256, "f16", SWIFT_D32(d, 0), "128", "129", "130");
    }
  }
}

template <class T, int Blocks>
__device__ __forceinline__ void warpgroup_multiply_n(float (&d)[Blocks][4], const uint32_t (&a)[4],
                                                     MatrixTile b) {
  static_assert(Blocks == 8 || Blocks == 16 || Blocks == 32);
  if constexpr (Blocks == 8) {
    if constexpr (std::is_same_v<T, bf16>) {
      SWIFT_MULTIPLY_N(64, "bf16", SWIFT_D8(d, 0), "32", "33", "34", "35", "36");
    } else {
      SWIFT_MULTIPLY_N(64, "f16", SWIFT_D8(d, 0), "32", "33", "34", "35", "36");
    }
  } else if constexpr (Blocks == 16) {
    if constexpr (std::is_same_v<T, bf16>) {
      SWIFT_MULTIPLY_N(128, "bf16", SWIFT_D16(d, 0), "64", "65", "66", "67", "68");
    } else {
      SWIFT_MULTIPLY_N(128, "f16", SWIFT_D16(d, 0), "64", "65", "66", "67", "68");
    }
  } else if constexpr (Blocks == 32) {
    if constexpr (std::is_same_v<T, bf16>) {
      SWIFT_MULTIPLY_N(256, "bf16", SWIFT_D32(d, 0), "128", "129", "130", "131", "132");
    } else {
      SWIFT_MULTIPLY_N(256, "f16", SWIFT_D32(d, 0), "128", "129", "130", "131", "132");
    }
  }
}

}  // namespace swift::cuda

#undef SWIFT_MULTIPLY
#undef SWIFT_MULTIPLY_N
#undef SWIFT_REGISTERS_64
#undef SWIFT_REGISTERS_128
#undef SWIFT_REGISTERS_256
#undef SWIFT_D1
#undef SWIFT_D2
#undef SWIFT_D4
#undef SWIFT_D8
#undef SWIFT_D16
#undef SWIFT_D32
