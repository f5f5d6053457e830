#include "cuda/w4a16_launch.h"
#include "cuda/w4a16_unpack.cuh"

namespace swift::cuda {

void unpack_int4(Type type, const PackedInt4& source, void* out, Stream stream) {
  constexpr const char* kName = "unpack_int4";
  check_int4(kName, source);
  require(type != Type::float32, kName, "values must have 16 bits");
  require_aligned(out, 8, kName);
  const LaunchShape shape{
      dim3(static_cast<unsigned>(ceil_div<int64_t>(int64_t{source.in} * source.out / 8, 256))), dim3(256), 0,
      stream};
  if (type == Type::float16)
    return launch(kName, unpack_words_kernel<f16>, shape, source, static_cast<f16*>(out));
  launch(kName, unpack_words_kernel<bf16>, shape, source, static_cast<bf16*>(out));
}

}  // namespace swift::cuda
