#include "cuda/launch.h"
#include "cuda/sampling.h"
#include "cuda/sampling_choose.cuh"

namespace swift::cuda {

void sample(const Sampling& a, Stream stream) {
  constexpr const char* kName = "sample";
  require(a.vocab > 0, kName, "an empty vocabulary");
  require(a.edited != a.logits, kName, "the scratch must not be the logits");
  if (a.row_count == 0) return;
  const int parts = ceil_div(a.vocab, kSamplingPart);
  const auto rows = static_cast<unsigned>(a.row_count);
  dispatch(a.type, [&](auto zero) {
    using T = decltype(zero);
    launch("edit_logits", edit_logits_kernel<T>,
           {dim3(rows, static_cast<unsigned>(parts)), dim3(kEditThreads), 0, stream}, a);
    launch("choose_token", choose_token_kernel<T>, {dim3(rows), dim3(kChooseThreads), 0, stream}, a, parts);
  });
}

}  // namespace swift::cuda
