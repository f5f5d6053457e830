// Packed attention of training: sequences of any length, and answers behind a shared prefix.
#include "cuda/attention.h"

#include "cuda/ops/cuda_ops.h"
#include "cuda/ops/platform.h"

namespace swift::cuda {
using at::Tensor;
namespace {

// The launcher's arguments with the tensors that they point into.
struct Packed {
  Tensor q, k, v, rows;
  Attention given{};

  explicit Packed(const ops::DeviceAttention& a) : rows(a.segments.key_rows) {
    const ops::DeviceSegments& segments = a.segments;
    const int64_t width = padded_head_dim(a.q.size(2));
    q = widened(a.q, width);
    const auto seen = [&](const Tensor& t) {
      return widened(rows.defined() ? t.index_select(0, rows) : t, width);
    };
    k = seen(a.k), v = seen(a.v);
    given.type = type_of(q);
    given.q = q.const_data_ptr();
    given.keys = k.const_data_ptr();
    given.values = v.const_data_ptr();
    given.query_starts = segments.query_starts.const_data_ptr<int32_t>();
    given.key_starts = segments.key_starts.const_data_ptr<int32_t>();
    given.sequences = static_cast<int>(segments.query_starts.size(0)) - 1;
    given.longest_query = static_cast<int>(segments.longest_query);
    given.longest_key = static_cast<int>(segments.longest_key);
    given.query_tokens = static_cast<int>(q.size(0));
    given.heads = static_cast<int>(q.size(1));
    given.kv_heads = static_cast<int>(k.size(1));
    given.head_dim = static_cast<int>(width);
    given.scale = static_cast<float>(a.scale);
    given.key_tokens = static_cast<int>(k.size(0));
    given.causal = true;
  }
};

Tensor narrowed(const Tensor& t, int64_t width) {
  return t.size(-1) == width ? t : t.narrow(-1, 0, width).contiguous();
}

}  // namespace

bool CudaOps::takes_attention(const Tensor& q) const {
  const bool half = q.scalar_type() == at::kBFloat16 || q.scalar_type() == at::kHalf;
  return half && padded_head_dim(q.size(2)) > 0;
}

std::pair<Tensor, Tensor> CudaOps::attention(const ops::DeviceAttention& a) const {
  const Packed packed(a);
  Tensor out = at::empty_like(packed.q);
  Tensor log_sums = at::empty({a.q.size(1), a.q.size(0)}, a.q.options().dtype(at::kFloat));
  if (a.q.size(0) > 0)
    attention_forward(packed.given, out.data_ptr(), log_sums.data_ptr<float>(), stream_of(a.q));
  return {narrowed(out, a.q.size(2)), log_sums};
}

std::vector<Tensor> CudaOps::attention_backward(const ops::DeviceAttention& a, const Tensor& out,
                                                const Tensor& log_sums, const Tensor& dout) const {
  const Packed packed(a);
  const int64_t width = packed.q.size(2), own = a.q.size(2);
  const Tensor wide_out = widened(out, width), wide_dout = widened(dout, width);
  Tensor dq = at::empty_like(packed.q), dk = at::empty_like(packed.k), dv = at::empty_like(packed.v);
  const Tensor dots = at::empty_like(log_sums);
  AttentionBackward given{};
  given.forward = packed.given;
  given.out = wide_out.const_data_ptr();
  given.log_sums = log_sums.const_data_ptr<float>();
  given.d_out = wide_dout.const_data_ptr();
  given.dq = dq.data_ptr();
  given.dk = dk.data_ptr();
  given.dv = dv.data_ptr();
  given.dots = dots.data_ptr<float>();
  if (a.q.size(0) > 0) cuda::attention_backward(given, stream_of(a.q));
  // A prefix's rows get the gradients of all that see it, summed in fp32.
  const auto joined = [&](const Tensor& gathered) {
    const Tensor dense = narrowed(gathered, own);
    if (!packed.rows.defined()) return dense;
    Tensor sum = at::zeros(a.k.sizes(), a.k.options().dtype(at::kFloat));
    sum.index_add_(0, packed.rows, dense.to(at::kFloat));
    return sum.to(dense.scalar_type());
  };
  return {narrowed(dq, own), joined(dk), joined(dv)};
}

}  // namespace swift::cuda
