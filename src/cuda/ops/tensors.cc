#include <algorithm>
#include <array>
#include <cstring>
#include <sstream>

#include "base/error.h"
#include "cuda/ops/cuda_ops.h"
#include "ops/upload.h"

namespace swift::cuda {
Type type_of(const at::Tensor& t) {
  return type_of(t.scalar_type());
}

Type type_of(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return Type::float32;
    case at::kHalf:
      return Type::float16;
    case at::kBFloat16:
      return Type::bfloat16;
    default:
      break;
  }
  std::ostringstream text;
  text << "no kernel takes values of type " << type;
  throw base::Error(base::ExitCode::failure, text.str());
}

at::Tensor uploaded_bytes(const void* data, size_t bytes, const at::Tensor& like) {
  const at::Tensor host = at::empty({static_cast<int64_t>(bytes)}, at::kByte);
  if (bytes > 0) std::memcpy(host.data_ptr(), data, bytes);
  return ops::uploaded(host, like.device());
}

int64_t padded_head_dim(int64_t head_dim) {
  constexpr std::array<int64_t, 6> kSizes = {64, 80, 96, 128, 192, 256};
  const auto found = std::lower_bound(kSizes.begin(), kSizes.end(), head_dim);
  return found == kSizes.end() ? 0 : *found;
}

at::Tensor widened(const at::Tensor& t, int64_t width) {
  if (t.size(-1) == width) return t.contiguous();
  return at::constant_pad_nd(t, {0, width - t.size(-1)}, 0);
}

}  // namespace swift::cuda
