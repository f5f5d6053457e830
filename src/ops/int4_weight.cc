#include "ops/int4_weight.h"

#include "ops/device_ops.h"

namespace swift::ops {

int64_t Int4Weight::bytes() const {
  return bytes_of(stored_.codes) + bytes_of(stored_.scales) + bytes_of(stored_.zeros) +
         bytes_of(stored_.g_idx);
}

QuantizedPtr Int4Weight::to(at::Device device) const {
  const auto moved = [&](const at::Tensor& t) { return t.defined() ? t.to(device) : t; };
  if (const DeviceOps* kernels = device_ops(device)) {
    if (auto packed = kernels->grouped_weight(stored_, compute_type(), device)) return packed;
  }
  GroupedCodes there = stored_;
  for (at::Tensor* t : {&there.codes, &there.scales, &there.zeros, &there.g_idx}) *t = moved(*t);
  return c10::make_intrusive<Int4Weight>(std::move(there), compute_type());
}

QuantizedPtr Fp8Weight::to(at::Device device) const {
  return c10::make_intrusive<Fp8Weight>(codes_.to(device), factors_.to(device), block_, compute_type());
}

at::Tensor Fp8Weight::unpack(at::ScalarType type) const {
  const at::Tensor factors = factors_.to(at::kFloat)
                                 .repeat_interleave(block_, 0)
                                 .narrow(0, 0, codes_.size(0))
                                 .repeat_interleave(block_, 1)
                                 .narrow(1, 0, codes_.size(1));
  return codes_.to(at::kFloat).mul_(factors).to(type);
}

}  // namespace swift::ops
