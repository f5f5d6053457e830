#include "ops/int4_weight.h"

namespace swift::ops {

int64_t Int4Weight::bytes() const {
  return bytes_of(stored_.codes) + bytes_of(stored_.scales) + bytes_of(stored_.zeros) +
         bytes_of(stored_.g_idx);
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
