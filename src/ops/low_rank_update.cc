#include "ops/low_rank_update.h"

#include "ops/device_ops.h"
#include "ops/dropout.h"
#include "ops/low_rank.h"

namespace swift::ops {

using at::Tensor;

namespace {

const at::BFloat16* data(const Tensor& t) {
  return t.const_data_ptr<at::BFloat16>();
}

const DeviceOps* device_of(const Tensor& x, const Tensor& w, const LowRank& update) {
  const DeviceOps* device = device_ops(x);
  const bool taken = device != nullptr && x.scalar_type() == w.scalar_type() &&
                     device->takes_low_rank(x.scalar_type(), w.size(1), w.size(0), update.a.size(0));
  return taken ? device : nullptr;
}

KeyedDrop drop_of(const LowRank& update) {
  return {update.dropout, update.dropout_key};
}

UpdateGradients device_gradients(const DeviceOps& device, const Tensor& dy_in, const Tensor& x_in,
                                 const Tensor& w, const Tensor& h, const LowRank& update, bool want_dx,
                                 bool want_da, bool want_db) {
  UpdateGradients g;
  const Tensor dy = dy_in.contiguous(), x = x_in.contiguous();
  const int64_t rank = update.a.size(0);
  const Tensor dh = device.project(dy, update.b, true, update.scale, {});  // (tokens, padded rank)
  if (want_db) g.db = device.sum_outer(h, dy, rank, true, {});
  if (want_da) g.da = device.sum_outer(dh, x, rank, false, drop_of(update));
  if (!want_dx) return g;
  g.dx = product_nn(dy, w);
  device.add_projected(g.dx, dh, update.a, true, drop_of(update));
  return g;
}

}  // namespace

bool keeps_padded_rank(const Tensor& x, const Tensor& w, const LowRank& update) {
  return runs_panels(x, w) || device_of(x, w, update) != nullptr;
}

Tensor LowRank::dropped(const Tensor& x) const {
  return dropout > 0 ? keyed_dropout(x, dropout, dropout_key) : x;
}

Tensor updated_product(const Tensor& x, const Tensor& w, const Tensor& bias, const LowRank& update, Tensor& h,
                       const ColumnGain& scaling) {
  if (runs_panels(x, w)) {
    h = project_down(update.dropped(x.contiguous()), even_rank(update.a, 0), update.scale);
    const Tensor b = even_rank(update.b, 1);
    return product_nt(x, w, bias, {data(h), data(b), h.size(1)}, scaling);
  }
  if (const DeviceOps* device = device_of(x, w, update)) {
    Tensor y = product_nt(x, w, bias);
    h = device->project(x.contiguous(), update.a, false, update.scale, drop_of(update));
    device->add_projected(y, h, update.b, false, {});
    return y;
  }
  Tensor y = product_nt(x, w, bias);
  h = at::linear(update.dropped(x), update.a.to(x.scalar_type())).mul_(update.scale);
  return y.addmm_(h, update.b.to(x.scalar_type()).t());
}

UpdateGradients update_gradients(const Tensor& dy, const Tensor& x, const Tensor& w, const Tensor& h,
                                 const LowRank& update, bool want_dx, bool want_da, bool want_db) {
  if (const DeviceOps* device = device_of(dy, w, update))
    return device_gradients(*device, dy, x, w, h, update, want_dx, want_da, want_db);
  UpdateGradients g;
  const int64_t rank = update.a.size(0);
  const bool panels = runs_panels(dy, w);
  const Tensor a = panels ? even_rank(update.a, 0) : update.a.to(dy.scalar_type());
  const Tensor dh = panels ? project_back(dy, even_rank(update.b, 1), update.scale)
                           : at::mm(dy, update.b.to(dy.scalar_type())).mul_(update.scale);  // (tokens, rank)
  if (want_db) g.db = panels ? sum_outer(h, dy, rank, true) : at::mm(dy.t(), h).to(update.b.scalar_type());
  if (want_da) {
    const Tensor in = update.dropped(x).contiguous();
    g.da = panels ? sum_outer(dh, in, rank, false) : at::mm(dh.t(), in).to(update.a.scalar_type());
  }
  if (!want_dx) return g;
  if (panels && update.dropout == 0) {
    g.dx = product_nn(dy, w, {data(dh), data(a), dh.size(1)});
  } else {
    g.dx = product_nn(dy, w);
    const Tensor through = at::mm(dh, a);
    g.dx.add_(update.dropout > 0 ? keyed_dropout(through, update.dropout, update.dropout_key) : through);
  }
  return g;
}

}  // namespace swift::ops
