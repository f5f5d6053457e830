// Random 4-bit weights in the layouts of AWQ and GPTQ checkpoints.
#pragma once
#include "cuda/compare.h"
#include "cuda/dequantize.h"
#include "cuda/w4a16.h"

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

// A checkpoint's weight as the kernels read it, put into order on the device.
class PackedCheckpoint {
 public:
  PackedCheckpoint(const Checkpoint& c, cuda::GroupLayout layout, Type type, size_t in, size_t out,
                   size_t group)
      : words_("words", in * out / 8),
        scales_("packed scales", type, c.scales.size()),
        zeros_("zeros", c.scales.size()),
        in_(static_cast<int>(in)),
        out_(static_cast<int>(out)),
        group_(static_cast<int>(group)) {
    const Buffer<uint32_t> qweight("qweight", c.words), qzeros("qzeros", c.zeros);
    const Values scales("scales", type, c.scales);
    cuda::pack_int4({type, type, layout, qweight.data(), qzeros.data(), scales.data(), nullptr,
                     layout == cuda::GroupLayout::awq ? 0 : 1, nullptr, in_, out_, group_},
                    weight(), nullptr);
  }
  cuda::PackedInt4 weight() const {
    return {words_.data(), scales_.data(), zeros_.data(), in_, out_, group_};
  }

 private:
  Buffer<uint32_t> words_;
  Values scales_;
  Buffer<uint8_t> zeros_;
  int in_, out_, group_;
};

// x (rows, in) · W^T + bias of what the checkpoint means, (rows, out). bias: empty for none.
inline std::vector<double> linear_of(const Checkpoint& c, const std::vector<float>& x,
                                     const std::vector<float>& bias, size_t rows, size_t in, size_t out) {
  std::vector<double> sums;
  for (size_t r = 0; r < rows; ++r) {
    for (size_t o = 0; o < out; ++o) {
      double sum = bias.empty() ? 0 : bias[o];
      for (size_t i = 0; i < in; ++i) sum += x[r * in + i] * c.meaning[i * out + o];
      sums.push_back(sum);
    }
  }
  return sums;
}

}  // namespace swift::cuda_test
