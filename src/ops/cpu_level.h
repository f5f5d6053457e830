// Which processors' kernels may run.
#pragma once

namespace swift::ops {

// Whether kernels may use more than AVX2 where the processor has it. False when the variable SWIFT_CPU_LEVEL
// is avx2, which shows on any machine what one with AVX2 alone computes. Throws base::Error(usage) for other
// values than avx2 and best.
bool beyond_avx2();

}  // namespace swift::ops
