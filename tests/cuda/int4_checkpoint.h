// Random 4-bit weights in the layouts of AWQ and GPTQ checkpoints.
#pragma once
#include <algorithm>

#include "cuda/compare.h"
#include "cuda/dequantize.h"
#include "cuda/w4a16.h"

namespace swift::cuda_test {

// A checkpoint's words and what they mean.
struct Checkpoint {
  std::vector<int32_t> g_idx;  // empty: groups of consecutive inputs
  std::vector<uint32_t> words, zeros;
  std::vector<float> scales;
  std::vector<double> meaning;  // (in, out)
};
// act_order: inputs are in groups at random (gptq).
inline Checkpoint checkpoint(cuda::GroupLayout layout, Type scale_type, size_t in, size_t out, size_t group,
                             bool act_order = false, uint32_t seed = 3) {
  constexpr size_t kAwqNibble[] = {0, 4, 1, 5, 2, 6, 3, 7};  // of column 0 .. 7
  std::mt19937 random(seed);
  const bool awq = layout == cuda::GroupLayout::awq;
  const size_t groups = in / group;
  Checkpoint c{{},
               std::vector<uint32_t>(in * out / 8),
               std::vector<uint32_t>(groups * out / 8),
               normal(scale_type, groups * out, seed + 1),
               {}};
  std::vector<uint32_t> zero(groups * out);
  for (auto& z : zero) z = awq ? random() % 16 : 1 + random() % 16;
  if (act_order) {
    for (size_t i = 0; i < in; ++i) c.g_idx.push_back(static_cast<int32_t>(i / group));
    std::shuffle(c.g_idx.begin(), c.g_idx.end(), random);
  }
  for (size_t i = 0; i < in; ++i) {
    const size_t g = act_order ? static_cast<size_t>(c.g_idx[i]) : i / group;
    for (size_t o = 0; o < out; ++o) {
      const uint32_t q = random() % 16;
      const size_t at = g * out + o;
      c.words[awq ? i * (out / 8) + o / 8 : i / 8 * out + o] |= q << 4 * (awq ? kAwqNibble[o % 8] : i % 8);
      c.meaning.push_back((static_cast<double>(q) - zero[at]) * c.scales[at]);
    }
  }
  for (size_t g = 0; g < groups; ++g) {
    for (size_t o = 0; o < out; ++o) {
      c.zeros[g * (out / 8) + o / 8] |= (zero[g * out + o] - (awq ? 0 : 1))
                                        << 4 * (awq ? kAwqNibble[o % 8] : o % 8);
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
        order_("order", c.g_idx.empty() ? std::vector<int32_t>()
                                        : cuda::order_of_groups(c.g_idx.data(), static_cast<int>(in),
                                                                static_cast<int>(group))),
        in_(static_cast<int>(in)),
        out_(static_cast<int>(out)),
        group_(static_cast<int>(group)) {
    const Buffer<uint32_t> qweight("qweight", c.words), qzeros("qzeros", c.zeros);
    const Values scales("scales", type, c.scales);
    const Buffer<int32_t> g_idx("g_idx", c.g_idx);
    cuda::pack_int4({type, type, layout, qweight.data(), qzeros.data(), scales.data(),
                     c.g_idx.empty() ? nullptr : g_idx.data(), layout == cuda::GroupLayout::awq ? 0 : 1,
                     nullptr, in_, out_, group_},
                    weight(), nullptr);
  }
  cuda::PackedInt4 weight() const {
    return {words_.data(),
            scales_.data(),
            zeros_.data(),
            in_,
            out_,
            group_,
            order_.size() == 0 ? nullptr : order_.data()};
  }

 private:
  Buffer<uint32_t> words_;
  Values scales_;
  Buffer<uint8_t> zeros_;
  Buffer<int32_t> order_;
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
