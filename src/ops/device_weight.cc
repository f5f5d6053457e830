#include "ops/device_weight.h"

#include <algorithm>

#include "ops/device_ops.h"

namespace swift::ops {
namespace {

using at::Tensor;

// Tensors that lie one behind the other in one memory, as one; else a copy of them. Sizes differ in the first
// dimension alone.
Tensor joined(const std::vector<Tensor>& parts) {
  int64_t rows = 0, end = parts.front().storage_offset();
  bool behind = true;
  for (const Tensor& part : parts) {
    behind =
        behind && part.is_alias_of(parts.front()) && part.is_contiguous() && part.storage_offset() == end;
    end = part.storage_offset() + part.numel();
    rows += part.size(0);
  }
  if (!behind) return at::cat(parts, 0);
  std::vector<int64_t> sizes = parts.front().sizes().vec();
  sizes[0] = rows;
  return parts.front().as_strided(sizes, parts.front().strides(), parts.front().storage_offset());
}

class OnDevice final : public QuantizedWeight {
 public:
  explicit OnDevice(const Tensor& w) : QuantizedWeight(w.sizes(), w.scalar_type()), w_(w.contiguous()) {}
  Tensor unpack(at::ScalarType type) const override { return w_.to(type); }
  Tensor product(const Tensor& x, const Tensor& bias) const override {
    return device_ops(w_)->product(x, w_, bias);
  }
  Tensor logits(const Tensor& x) const override { return device_ops(w_)->logits(x, w_); }
  bool goes_with(const QuantizedWeight& other) const override {
    const auto* beside = dynamic_cast<const OnDevice*>(&other);
    return beside != nullptr && beside->w_.is_alias_of(w_);
  }
  std::vector<Tensor> products_together(const Tensor& x, const std::vector<const QuantizedWeight*>& weights,
                                        const std::vector<Tensor>& biases) const override {
    std::vector<Tensor> parts;
    std::vector<int64_t> outs;
    for (const QuantizedWeight* weight : weights) {
      parts.push_back(static_cast<const OnDevice*>(weight)->w_);
      outs.push_back(parts.back().size(0));
    }
    const auto given =
        std::count_if(biases.begin(), biases.end(), [](const Tensor& b) { return b.defined(); });
    if (given != 0 && given != static_cast<int64_t>(biases.size()))
      return QuantizedWeight::products_together(x, weights, biases);
    const Tensor y = device_ops(w_)->product(x, joined(parts), given == 0 ? Tensor() : joined(biases));
    return at::split_with_sizes(y, outs, 1);
  }
  int64_t bytes() const override { return bytes_of(w_); }
  at::Device device() const override { return w_.device(); }

 private:
  Tensor w_;
};

}  // namespace

QuantizedPtr device_weight(const Tensor& w) {
  return c10::make_intrusive<OnDevice>(w);
}

}  // namespace swift::ops
