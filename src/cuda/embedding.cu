#include "cuda/embedding.cuh"
#include "cuda/launch.h"

namespace swift::cuda {

void embedding_backward(const EmbeddingBackward& a, Stream stream) {
  constexpr const char* kName = "embedding_backward";
  require(a.tokens <= 0x7FFFFFFF, kName, "too many tokens");
  require(a.weight_type == a.type || a.weight_type == Type::float32, kName,
          "dweight must be of dy's type or fp32");
  if (a.tokens == 0) return;
  launch("bucket_tokens", bucket_tokens_kernel, {dim3(kEmbeddingBuckets), dim3(kEmbeddingThreads), 0, stream},
         a);
  dispatch(a.type, [&](auto zero) {
    using T = decltype(zero);
    constexpr int kWide = 4;
    const bool wide = a.hidden % kWide == 0 && reinterpret_cast<uintptr_t>(a.dy) % (kWide * sizeof(T)) == 0;
    const int parts = ceil_div(a.hidden, kEmbeddingThreads * (wide ? kWide : 1));
    const LaunchShape shape{dim3(static_cast<unsigned>(a.tokens), static_cast<unsigned>(parts)),
                            dim3(kEmbeddingThreads), 0, stream};
    const auto run = [&](auto weight) {
      using W = decltype(weight);
      if (wide) {
        launch(kName, sum_rows_kernel<T, W, kWide>, shape, a);
      } else {
        launch(kName, sum_rows_kernel<T, W, 1>, shape, a);
      }
    };
    if (a.weight_type == Type::float32) return run(float{});
    run(T{});
  });
}

}  // namespace swift::cuda
