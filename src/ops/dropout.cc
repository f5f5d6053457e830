#include "ops/dropout.h"

#include "ops/device_ops.h"
#include "ops/mix.h"

namespace swift::ops {

using at::Tensor;

void DropoutKey::save(torch::autograd::AutogradContext& ctx) const {
  ctx.saved_data["key"] = static_cast<int64_t>(value);
  if (base.defined()) ctx.saved_data["key_base"] = base;
}

DropoutKey DropoutKey::saved(const torch::autograd::AutogradContext& ctx) {
  const auto at_base = ctx.saved_data.find("key_base");
  return {static_cast<uint64_t>(ctx.saved_data.at("key").toInt()),
          at_base == ctx.saved_data.end() ? Tensor() : at_base->second.toTensor()};
}

Tensor keyed_dropout(const Tensor& x, double p, const DropoutKey& name) {
  const Tensor in = x.contiguous();
  if (const DeviceOps* device = device_ops(in)) return device->keyed_dropout(in, p, name);
  const uint64_t key =
      name.value + (name.base.defined() ? static_cast<uint64_t>(name.base.item<int64_t>()) : 0);
  Tensor out = at::empty_like(in);
  const auto threshold = static_cast<uint32_t>(p * 65536.0);
  const float keep_scale = static_cast<float>(1.0 / (1.0 - p));
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, in.scalar_type(), "keyed_dropout", [&] {
    const scalar_t* from = in.const_data_ptr<scalar_t>();
    scalar_t* to = out.data_ptr<scalar_t>();
    const int64_t quads = (in.numel() + 3) / 4;  // one 64-bit hash decides four elements
    at::parallel_for(0, quads, 4096, [&](int64_t begin, int64_t end) {
      for (int64_t quad = begin; quad < end; ++quad) {
        const uint64_t bits = keyed_bits(key, quad);
        for (int64_t lane = 0; lane < 4 && quad * 4 + lane < in.numel(); ++lane) {
          const bool keep = (bits >> (16 * lane) & 0xFFFFU) >= threshold;
          to[quad * 4 + lane] =
              keep ? static_cast<scalar_t>(static_cast<float>(from[quad * 4 + lane]) * keep_scale)
                   : static_cast<scalar_t>(0);
        }
      }
    });
  });
  return out;
}

}  // namespace swift::ops
