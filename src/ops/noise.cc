#include "ops/noise.h"

#include <cmath>

#include "ops/mix.h"

namespace swift::ops {
at::Tensor embedding_noise(const at::Tensor& h, const std::vector<int32_t>& positions, double alpha,
                           uint64_t key) {
  const int64_t tokens = h.size(0), hidden = h.size(1);
  at::Tensor noise = at::empty({tokens, hidden}, at::kFloat);
  auto* out = noise.data_ptr<float>();
  // The key of dropout masks must not give these values too.
  const uint64_t own = mix(key ^ 0x4E4546ULL);
  for (int64_t first = 0; first < tokens;) {
    int64_t last = first + 1;
    while (last < tokens && positions[static_cast<size_t>(last)] != 0) ++last;
    const double size = alpha / std::sqrt(static_cast<double>((last - first) * hidden));
    for (int64_t i = first * hidden; i < last * hidden; ++i) {
      const uint64_t bits = keyed_bits(own, i);
      out[i] = static_cast<float>((static_cast<double>(bits >> 11) * 0x1p-52 - 1.0) * size);
    }
    first = last;
  }
  return noise.to(h.options().requires_grad(false));
}

}  // namespace swift::ops
