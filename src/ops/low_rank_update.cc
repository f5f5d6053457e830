#include "ops/low_rank_update.h"

#include "ops/dropout.h"
#include "ops/low_rank.h"

namespace swift::ops {

using at::Tensor;

namespace {

const at::BFloat16* data(const Tensor& t) {
  return t.const_data_ptr<at::BFloat16>();
}

}  // namespace

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
  Tensor y = product_nt(x, w, bias);
  h = at::linear(update.dropped(x), update.a.to(x.scalar_type())).mul_(update.scale);
  return y.addmm_(h, update.b.to(x.scalar_type()).t());
}

UpdateGradients update_gradients(const Tensor& dy, const Tensor& x, const Tensor& w, const Tensor& h,
                                 const LowRank& update, bool want_dx, bool want_da, bool want_db) {
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
