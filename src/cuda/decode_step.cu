#include "cuda/decode_step.cuh"
#include "cuda/launch.h"

namespace swift::cuda {

void decode_step(const DecodeStep& a, Stream stream) {
  constexpr const char* kName = "decode_step";
  require(a.page_tokens > 0, kName, "pages are empty");
  if (a.rows == 0) return;
  launch(kName, decode_step_kernel,
         {dim3(static_cast<unsigned>(ceil_div(a.rows, 128))), dim3(128), 0, stream}, a);
}

}  // namespace swift::cuda
