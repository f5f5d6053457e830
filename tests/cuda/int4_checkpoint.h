// Random 4-bit weights in the layouts of AWQ and GPTQ checkpoints.
#pragma once
#include "cuda/compare.h"
#include "cuda/dequantize.h"

namespace swift::cuda_test {

// A checkpoint's words and what they mean.
struct Checkpoint {
  std::vector<uint32_t> words, zeros;
  std::vector<float> scales;
  std::vector<double> meaning;  // (in, out)
};
inline Checkpoint checkpoint(cuda::GroupLayout layout, Type scale_type, size_t in, size_t out, size_t group) {
  constexpr size_t kAwqNibble[] = {0, 4, 1, 5, 2, 6, 3, 7};  // of column 0 .. 7
  std::mt19937 random(3);
  const bool awq = layout == cuda::GroupLayout::awq;
  const size_t groups = in / group;
  Checkpoint c{std::vector<uint32_t>(in * out / 8),
               std::vector<uint32_t>(groups * out / 8),
               normal(scale_type, groups * out, 1),
               {}};
  std::vector<uint32_t> zero(groups * out);
  for (auto& z : zero) z = awq ? random() % 16 : 1 + random() % 16;
  for (size_t i = 0; i < in; ++i) {
    for (size_t o = 0; o < out; ++o) {
      const uint32_t q = random() % 16;
      const size_t at = i / group * out + o;
      c.words[awq ? i * (out / 8) + o / 8 : i / 8 * out + o] |= q << 4 * (awq ? kAwqNibble[o % 8] : i % 8);
      c.meaning.push_back((static_cast<double>(q) - zero[at]) * c.scales[at]);
      if (i % group == 0) {
        c.zeros[i / group * (out / 8) + o / 8] |= (zero[at] - (awq ? 0 : 1))
                                                  << 4 * (awq ? kAwqNibble[o % 8] : o % 8);
      }
    }
  }
  return c;
}

}  // namespace swift::cuda_test
