// The losses of tokens from chunks of logits, and products with few rows.
#include "cuda/cross_entropy.h"
#include "cuda/ops/cuda_ops.h"
#include "cuda/ops/platform.h"
#include "cuda/skinny_linear.h"

namespace swift::cuda {
using at::Tensor;
namespace {

constexpr int64_t kSkinnyRows = 32;

bool starts_aligned(const Tensor& t) {
  return reinterpret_cast<uintptr_t>(t.const_data_ptr()) % 16 == 0;
}

// Rows that start on 16 bytes, whatever the vocabulary. (rows, vocab), a view of wider rows at need.
Tensor aligned_rows(at::IntArrayRef sizes, const at::TensorOptions& options) {
  const int64_t stride = (sizes[1] + 7) / 8 * 8;
  return at::empty({sizes[0], stride}, options).narrow(1, 0, sizes[1]);
}

Tensor aligned_rows(const Tensor& z) {
  if (z.stride(1) == 1 && z.stride(0) % 8 == 0 && starts_aligned(z)) return z;
  return aligned_rows(z.sizes(), z.options()).copy_(z);
}

CrossEntropy cross_entropy_of(const Tensor& z, const Tensor& targets, double temperature) {
  CrossEntropy a{};
  a.type = type_of(z);
  a.logits = z.const_data_ptr();
  a.stride = z.stride(0);
  a.targets = targets.const_data_ptr<int32_t>();
  a.scale = static_cast<float>(1.0 / temperature);
  a.rows = z.size(0);
  a.vocab = static_cast<int>(z.size(1));
  return a;
}

}  // namespace

CudaOps::TokenResults CudaOps::token_log_probs(const ops::DeviceTokens& tokens, bool entropies) const {
  const Tensor z = aligned_rows(tokens.z), targets = tokens.labels.to(at::kInt);
  const auto wide = z.options().dtype(at::kFloat);
  TokenResults results{at::empty({z.size(0)}, wide), entropies ? at::empty({z.size(0)}, wide) : Tensor(),
                       at::empty({z.size(0)}, wide)};
  cross_entropy_forward(cross_entropy_of(z, targets, tokens.temperature), results.log_probs.data_ptr<float>(),
                        entropies ? results.entropies.data_ptr<float>() : nullptr,
                        results.log_sums.data_ptr<float>(), stream_of(z));
  return results;
}

Tensor CudaOps::token_gradients(const ops::DeviceTokens& tokens, const Tensor& log_sums,
                                const Tensor& factors, at::ScalarType type) const {
  const Tensor z = aligned_rows(tokens.z), targets = tokens.labels.to(at::kInt);
  const Tensor d_log_probs = factors.contiguous();
  Tensor dz = aligned_rows(z.sizes(), z.options().dtype(type));
  CrossEntropyBackward a{};
  a.forward = cross_entropy_of(z, targets, tokens.temperature);
  a.log_sums = log_sums.const_data_ptr<float>();
  a.d_log_probs = d_log_probs.const_data_ptr<float>();
  a.d_type = type_of(dz);
  a.d_logits = dz.data_ptr();
  cross_entropy_backward(a, stream_of(z));
  return dz;
}

Tensor CudaOps::product(const Tensor& x, const Tensor& w, const Tensor& bias) const {
  const int64_t rows = x.size(0), in = x.size(1);
  const bool half = x.scalar_type() == at::kBFloat16 || x.scalar_type() == at::kHalf;
  const bool skinny = half && w.scalar_type() == x.scalar_type() && rows > 0 && rows <= kSkinnyRows &&
                      in % 8 == 0 && w.is_contiguous() && starts_aligned(w);
  if (!skinny) return at::linear(x, w, bias);
  const Tensor input = x.contiguous(), input_start = starts_aligned(input) ? input : input.clone();
  const Tensor shift = bias.defined() ? bias.to(x.scalar_type()).contiguous() : bias;
  Tensor y = at::empty({rows, w.size(0)}, x.options());
  SkinnyLinear a{};
  a.type = type_of(x);
  a.x = input_start.const_data_ptr();
  a.weight = w.const_data_ptr();
  a.bias = shift.defined() ? shift.const_data_ptr() : nullptr;
  a.y = y.data_ptr();
  a.rows = static_cast<int>(rows);
  a.in = static_cast<int>(in);
  a.out = static_cast<int>(w.size(0));
  skinny_linear(a, stream_of(x));
  return y;
}

Tensor CudaOps::logits(const Tensor& x, const Tensor& w) const {
  if (x.scalar_type() == w.scalar_type() && x.scalar_type() != at::kFloat) return wide_product(x, w);
  return at::mm(x.to(at::kFloat), w.to(at::kFloat).t());
}

}  // namespace swift::cuda
