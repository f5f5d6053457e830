#include "base/rng.h"
#include "cuda/launch.h"
#include "cuda/q_galore.cuh"

namespace swift::cuda {
namespace {

LaunchShape check(const char* name, int64_t count, int group, Stream stream) {
  require(count >= 0 && group > 0 && group % 4 == 0, name, "group must be a multiple of 4");
  const int64_t groups = ceil_div<int64_t>(count, group), blocks = ceil_div<int64_t>(groups, kGroupWarps);
  require(blocks <= 0x7FFFFFFF, name, "too many groups");
  return {dim3(static_cast<unsigned>(blocks)), dim3(kGroupThreads), 0, stream};
}

}  // namespace

void decode_int8(const Int8Groups& a, Type type, void* out, Stream stream) {
  constexpr const char* kName = "decode_int8";
  const LaunchShape shape = check(kName, a.count, a.group, stream);
  require_aligned(a.codes, 4, kName);
  require_aligned(out, 16, kName);
  if (a.count == 0) return;
  dispatch(type, [&](auto zero) {
    using T = decltype(zero);
    launch(kName, decode_int8_kernel<T>, shape, a, static_cast<T*>(out));
  });
}

void update_int8(const Int8Update& a, Stream stream) {
  constexpr const char* kName = "update_int8";
  const LaunchShape shape = check(kName, a.weight.count, a.weight.group, stream);
  require_aligned(a.weight.codes, 4, kName);
  require_aligned(a.direction, 16, kName);
  if (a.weight.count == 0) return;
  const uint32_t counter_high =
      static_cast<uint32_t>(a.noise.substream >> 32) * 256U + static_cast<uint32_t>(base::Purpose::rounding);
  launch(kName, update_int8_kernel, shape, a, counter_high);
}

void encode_int4(const float* values, const Int4Groups& target, Stream stream) {
  constexpr const char* kName = "encode_int4";
  const LaunchShape shape = check(kName, target.count, target.group, stream);
  require_aligned(values, 16, kName);
  require_aligned(target.codes, 2, kName);
  if (target.count == 0) return;
  launch(kName, encode_int4_kernel, shape, values, target);
}

void decode_int4(const Int4Groups& a, Type type, void* out, Stream stream) {
  constexpr const char* kName = "decode_int4";
  const LaunchShape shape = check(kName, a.count, a.group, stream);
  require_aligned(out, 16, kName);
  if (a.count == 0) return;
  dispatch(type, [&](auto zero) {
    using T = decltype(zero);
    launch(kName, decode_int4_kernel<T>, shape, a, static_cast<T*>(out));
  });
}

}  // namespace swift::cuda
