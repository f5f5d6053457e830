#include "model/packed/packing.h"

#include "ops/grouped_codes.h"

namespace swift::model {
namespace {

using at::Tensor;

// Place of each of a word's eight columns, from the lowest bits, and its inverse.
constexpr int64_t kAwqOrder[] = {0, 2, 4, 6, 1, 3, 5, 7};
constexpr int64_t kAwqPlace[] = {0, 4, 1, 5, 2, 6, 3, 7};

Tensor reordered(const Tensor& codes, const int64_t (&order)[8]) {
  const Tensor index = at::empty({8}, at::kLong);
  std::copy(std::begin(order), std::end(order), index.data_ptr<int64_t>());
  return codes.view({codes.size(0), -1, 8}).index_select(2, index).view(codes.sizes());
}

// uint8 (rows, count) to int32 (rows, count * bits / 32), little-endian.
Tensor words_of(const Tensor& values, int64_t bits) {
  return ops::pack_bits(values, bits).view(at::kInt);
}

Tensor values_of(const Tensor& words, int64_t bits) {
  const Tensor dense = words.contiguous();
  return ops::unpack_bits(dense.view(at::kByte), bits, dense.size(1) * 32 / bits);
}

}  // namespace

Tensor pack_awq(const Tensor& codes) {
  return words_of(reordered(codes.t().contiguous(), kAwqOrder), 4);
}

Tensor unpack_awq(const Tensor& packed) {
  return reordered(values_of(packed, 4), kAwqPlace).t().contiguous();
}

Tensor pack_gptq(const Tensor& codes, int64_t bits) {
  return words_of(codes, bits).t().contiguous();
}

Tensor unpack_gptq(const Tensor& packed, int64_t bits) {
  return values_of(packed.t(), bits);
}

Tensor pack_gptq_zeros(const Tensor& zeros, int64_t bits, bool v2) {
  const int64_t mask = (int64_t{1} << bits) - 1;
  const Tensor stored = v2 ? zeros : (zeros.to(at::kInt) - 1).bitwise_and(mask).to(at::kByte);
  return words_of(stored.t().contiguous(), bits);
}

Tensor unpack_gptq_zeros(const Tensor& packed, int64_t bits, bool v2) {
  const int64_t mask = (int64_t{1} << bits) - 1;
  const Tensor stored = values_of(packed, bits).t().contiguous();
  return v2 ? stored : (stored.to(at::kInt) + 1).bitwise_and(mask).to(at::kByte);
}

Tensor pack_compressed(const Tensor& codes, int64_t bits) {
  return words_of(codes, bits);
}

Tensor unpack_compressed(const Tensor& packed, int64_t bits) {
  return values_of(packed, bits);
}

}  // namespace swift::model
