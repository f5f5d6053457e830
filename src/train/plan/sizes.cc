#include "train/plan/sizes.h"

#include <algorithm>

#include "ops/linear_cross_entropy.h"

namespace swift::train {
namespace {

constexpr int64_t kFloat = 4;

struct Widths {
  int64_t hidden, queries, keys, heads, kv_heads;
};

Widths widths(const model::ModelSpec& spec) {
  const auto& a = spec.attention;
  return {spec.hidden, a.heads * a.head_dim, a.kv_heads * a.head_dim, a.heads, a.kv_heads};
}

// Elements a token that the attention half keeps: h, normed x, q and k before and after their norms, v, the
// result, and the residual after it.
int64_t attention_kept(const model::ModelSpec& spec) {
  const Widths w = widths(spec);
  const bool normed = spec.attention.qk_norm == model::QkNorm::per_head;
  return 3 * w.hidden + (w.queries + w.keys) * (normed ? 2 : 1) + w.keys + w.queries;
}

// Elements a token that the MLP keeps: its normed input, gate, up and their product; with experts each token
// goes through several.
int64_t mlp_kept(const model::ModelSpec& spec, bool sparse) {
  if (!sparse) return spec.hidden + 3 * spec.intermediate;
  return spec.hidden + spec.moe.per_token * (2 * spec.hidden + 3 * spec.moe.intermediate);
}

}  // namespace

BlockSizes block_sizes(const model::ModelSpec& spec, bool sparse, const BatchShape& batch,
                       const AdapterSizes& adapter, int64_t element) {
  const Widths w = widths(spec);
  const int64_t tokens = batch.tokens;
  const int64_t inner = sparse ? spec.moe.per_token * spec.moe.intermediate : spec.intermediate;
  const bool normed = spec.attention.qk_norm == model::QkNorm::per_head;
  BlockSizes sizes;
  sizes.input = tokens * w.hidden * element;
  // fp32: the norms' root mean squares, attention's logarithms, the router's probabilities.
  const int64_t wide =
      2 + (normed ? w.heads + w.kv_heads : 0) + w.heads + (sparse ? 3 * spec.moe.experts : 0);
  sizes.kept =
      tokens * (element * (attention_kept(spec) + mlp_kept(spec, sparse) + adapter.ranks + adapter.outputs) +
                kFloat * wide);
  // The product's gradient and those of gate and up meet gate and up; a dropped input needs two copies.
  const int64_t mlp = w.hidden + (adapter.dropout ? 3 : 2) * inner;
  // Attention's backward comes when the MLP's tensors are gone: gradients of q, k, v and the result, and of
  // one sample the repeated keys and values and three gradients.
  const int64_t attention = tokens * (w.hidden + 2 * w.queries + 2 * w.keys) + batch.longest * 5 * w.queries -
                            tokens * mlp_kept(spec, sparse);
  sizes.work = element * std::max(tokens * mlp, attention);
  sizes.forward_work = element * tokens * (2 * w.hidden + 3 * inner);
  return sizes;
}

LossSizes loss_sizes(const model::ModelSpec& spec, const BatchShape& batch, bool trains_head,
                     int64_t element) {
  LossSizes sizes;
  // Before and after the final norm, and the gradient; rows that are trained once more with theirs.
  sizes.hidden = element * spec.hidden * (3 * batch.tokens + 2 * batch.trained);
  const int64_t rows = std::min(batch.trained, ops::cross_entropy_chunk_rows(batch.trained, spec.vocab));
  sizes.logits = rows * spec.vocab * kFloat;  // their gradient takes their place
  if (trains_head) {
    const int64_t head = spec.vocab * spec.hidden;
    sizes.weight_work = head * (kFloat + element);  // the fp32 sum and one chunk's product
  }
  return sizes;
}

}  // namespace swift::train
