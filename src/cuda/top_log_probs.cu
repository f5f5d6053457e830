#include "cuda/launch.h"
#include "cuda/top_log_probs.cuh"

namespace swift::cuda {

void top_log_probs(const TopLogProbs& a, Stream stream) {
  constexpr const char* kName = "top_log_probs";
  require(a.vocab > 0, kName, "an empty vocabulary");
  if (a.row_count == 0 || a.count == 0) return;
  dispatch(a.type, [&](auto zero) {
    launch(kName, top_log_probs_kernel<decltype(zero)>,
           {dim3(static_cast<unsigned>(a.row_count)), dim3(kTopThreads), 0, stream}, a);
  });
}

}  // namespace swift::cuda
