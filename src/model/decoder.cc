#include "model/decoder.h"

#include <cmath>

#include "model/device_experts.h"
#include "model/recompute.h"
#include "ops/attention.h"
#include "ops/device_ops.h"
#include "ops/noise.h"
#include "ops/rms_norm.h"
#include "ops/swiglu.h"
#include "ops/upload.h"

namespace swift::model {

using at::Tensor;

Tensor PackedContext::attend(int64_t /*layer*/, const Tensor& q, const Tensor& k, const Tensor& v,
                             double scale) {
  const ops::DeviceOps* device = ops::device_ops(q);
  if (device == nullptr || !device->takes_attention(q))
    return ops::PackedAttention::forward(q, k, v, cu_seqlens_, scale, continues_);
  if (!segments_) segments_ = ops::device_segments(cu_seqlens_, continues_, q.device());
  return ops::PackedAttention::forward(q, k, v, *segments_, scale);
}

Tensor SegmentContext::attend(int64_t /*layer*/, const Tensor& q, const Tensor& k, const Tensor& v,
                              double scale) {
  return ops::PackedAttention::forward(q, k, v, segments_, scale);
}

namespace {

Tensor apply(const LinearLayer& linear, const Tensor& x, const Pass& pass) {
  return pass.adapters != nullptr ? linear.forward(x, *pass.adapters) : linear.forward(x, pass.dropout_key);
}

std::vector<Tensor> apply_all(const std::vector<const LinearLayer*>& linears, const Tensor& x,
                              const Pass& pass) {
  if (pass.adapters != nullptr) return LinearLayer::forward_together(x, linears, *pass.adapters);
  std::vector<Tensor> results;
  for (const LinearLayer* linear : linears) results.push_back(linear->forward(x, pass.dropout_key));
  return results;
}

}  // namespace

Tensor Decoder::mix_tokens(int64_t index, const Tensor& x, const RopeTable& rope, AttentionContext& attention,
                           const Pass& pass) const {
  const Block& block = blocks[static_cast<size_t>(index)];
  const int64_t head_dim = spec.attention.head_dim;
  const auto projected = apply_all({&block.q, &block.k, &block.v}, x, pass);
  const auto heads_of = [&](const Tensor& y) {
    return y.view({x.size(0), -1, head_dim});  // (tokens, heads, head_dim)
  };
  const ops::HeadInputs heads{heads_of(projected[0]),
                              heads_of(projected[1]),
                              heads_of(projected[2]),
                              block.q_norm,
                              block.k_norm,
                              spec.norm_eps,
                              rope.cos,
                              rope.sin};
  const Tensor mixed = attention.attend(index, heads, 1.0 / std::sqrt(static_cast<double>(head_dim)));
  return mixed.reshape({x.size(0), -1});
}

Tensor Decoder::run_block(int64_t index, const Tensor& h, const RopeTable& rope, AttentionContext& attention,
                          const Pass& pass) const {
  const Block& block = blocks[static_cast<size_t>(index)];
  const Tensor x = ops::RmsNorm::forward(h, block.input_norm, spec.norm_eps);
  const Tensor after = h + apply(block.o, mix_tokens(index, x, rope, attention, pass), pass);
  const Tensor y = ops::RmsNorm::forward(after, block.post_attention_norm, spec.norm_eps);
  return after + run_mlp(index, y, pass);
}

Tensor Decoder::serve_blocks(Tensor h, const RopeTable& rope, AttentionContext& attention, const Pass& pass,
                             const ops::DeviceOps& device) const {
  Tensor update;  // of h, by the block or half a block before
  for (int64_t i = 0; i < spec.layers; ++i) {
    const Block& block = blocks[static_cast<size_t>(i)];
    const Tensor x = device.add_rms_norm(h, update, block.input_norm, spec.norm_eps);
    update = apply(block.o, mix_tokens(i, x, rope, attention, pass), pass);
    const Tensor y = device.add_rms_norm(h, update, block.post_attention_norm, spec.norm_eps);
    update = run_mlp(i, y, pass);
  }
  return device.add_rms_norm(h, update, norm, spec.norm_eps);
}

Tensor Decoder::run_mlp(int64_t index, const Tensor& y, const Pass& pass) const {
  const Block& block = blocks[static_cast<size_t>(index)];
  if (!block.experts.empty()) {
    const Tensor scores = block.packed_router ? block.packed_router->product(y, {})
                                              : ops::Linear::forward(y, block.router, {}, nullptr);
    if (block.joined_experts && !at::GradMode::is_enabled())
      return ops::device_ops(y)->mix_experts(y, scores, *block.joined_experts);
    if (const auto mixed =
            mix_on_device(y, scores, block.experts, spec.moe, pass.dropout_key, pass.balance, index))
      return *mixed;
    return mix_experts(y, scores, block.experts, spec.moe, pass.dropout_key, pass.balance, index);
  }
  const auto mlp_of = [&block](const Pass& own) {
    return [&block, own](const Tensor& in) {
      const auto projected = apply_all({&block.gate, &block.up}, in, own);
      return apply(block.down, ops::SwiGlu::forward(projected[0], projected[1]), own);
    };
  };
  if (pass.mlp_tile <= 0 || y.size(0) <= pass.mlp_tile) return mlp_of(pass)(y);
  std::vector<Tensor> tiles;
  for (int64_t first = 0; first < y.size(0); first += pass.mlp_tile) {
    const Tensor tile = y.narrow(0, first, std::min(pass.mlp_tile, y.size(0) - first));
    Pass own = pass;
    if (!own.dropout_key.none())
      own.dropout_key = own.dropout_key + (static_cast<uint64_t>(first) << 1U);  // other masks a tile
    const auto mlp = mlp_of(own);
    tiles.push_back(y.requires_grad() ? recomputed(mlp, tile, nullptr) : mlp(tile));
  }
  return at::cat(tiles, 0);
}

Tensor Decoder::hidden_states(const std::vector<int32_t>& ids, const std::vector<int32_t>& positions,
                              AttentionContext& attention, const Pass& pass) const {
  const auto tokens = static_cast<int64_t>(ids.size());
  const Tensor index = at::empty({tokens}, at::kLong);
  std::copy(ids.begin(), ids.end(), index.data_ptr<int64_t>());
  const auto moved = [&](const Tensor& t) { return ops::uploaded(t, embed_tokens.device()); };
  RopeTable rope = rope_table(inverse_frequencies(spec.rope, spec.attention.head_dim), positions);
  rope = {moved(rope.cos), moved(rope.sin)};
  Tensor h = embed(moved(index));
  if (pass.neftune_alpha > 0)
    h = h + ops::embedding_noise(h, positions, pass.neftune_alpha, pass.dropout_key.value);
  return run_blocks(h, rope, attention, pass);
}

Tensor Decoder::hidden_states(const Tensor& ids, const RopeTable& rope, AttentionContext& attention,
                              const Pass& pass) const {
  return run_blocks(embed(ids), rope, attention, pass);
}

Tensor Decoder::run_blocks(Tensor h, const RopeTable& rope, AttentionContext& attention,
                           const Pass& pass) const {
  const ops::DeviceOps* device = ops::device_ops(h);
  if (device != nullptr && !at::GradMode::is_enabled())
    return serve_blocks(h.contiguous(), rope, attention, pass, *device);
  const bool recompute = pass.recompute && at::GradMode::is_enabled();
  // A frozen embedding gives no gradient, but the recomputing function is recorded only when its input needs
  // one.
  if (recompute && !h.requires_grad()) h.requires_grad_(true);
  for (int64_t i = 0; i < spec.layers; ++i) {
    const auto run = [this, i, rope, &attention, pass](const Tensor& in) {
      return run_block(i, in, rope, attention, pass);
    };
    h = recompute ? recomputed(run, h, pass.offload) : run(h);
  }
  return ops::RmsNorm::forward(h, norm, spec.norm_eps);
}

NamedTensors Decoder::weights() const {
  NamedTensors result;
  const_cast<Decoder*>(this)->visit(
      [&](const std::string& name, const Tensor& weight) { result.emplace_back(name, weight); });
  return result;
}

std::vector<LinearLayer*> Block::linears() {
  std::vector<LinearLayer*> result = {&q, &k, &v, &o};
  if (experts.empty()) result.insert(result.end(), {&gate, &up, &down});
  for (Expert& expert : experts) result.insert(result.end(), {&expert.gate, &expert.up, &expert.down});
  return result;
}

std::vector<LinearLayer*> Decoder::linears() {
  std::vector<LinearLayer*> result;
  for (Block& block : blocks) {
    for (LinearLayer* linear : block.linears()) result.push_back(linear);
  }
  return result;
}

}  // namespace swift::model
