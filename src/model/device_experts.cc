#include "model/device_experts.h"

#include <array>

#include "model/pair_key.h"
#include "ops/device_ops.h"
#include "ops/expert_mix.h"
#include "ops/swiglu.h"

namespace swift::model {
namespace {

using at::Tensor;
using Linears = std::vector<const LinearLayer*>;

constexpr std::array kParts = {&Expert::gate, &Expert::up, &Expert::down};

Linears linears_of(const std::vector<Expert>& experts, LinearLayer Expert::*part) {
  Linears linears;
  for (const Expert& expert : experts) linears.push_back(&(expert.*part));
  return linears;
}

bool same_update(const LinearLayer& linear, const LinearLayer& first) {
  if (!linear.lora || !first.lora) return linear.lora.has_value() == first.lora.has_value();
  return !linear.lora->dora && linear.lora->a.sizes() == first.lora->a.sizes() &&
         linear.lora->scale == first.lora->scale && linear.lora->dropout == first.lora->dropout;
}

bool taken(const Linears& linears, at::ScalarType type) {
  const LinearLayer& first = *linears.front();
  for (const LinearLayer* linear : linears) {
    const bool coded = linear->quantized.defined();
    if (coded != first.quantized.defined() || (coded && !at::GradMode::is_enabled())) return false;
    if (linear->weight.scalar_type() != type || linear->bias.defined() || linear->on_input) return false;
    if (!same_update(*linear, first) || (linear->lora && linear->lora->dora)) return false;
  }
  return true;
}

bool taken(const Tensor& y, const std::vector<Expert>& experts, const MoeSpec& spec) {
  const ops::DeviceOps* device = ops::device_ops(y);
  if (device == nullptr) return false;
  const auto count = static_cast<int64_t>(experts.size());
  for (const int64_t columns : {y.size(1), spec.intermediate})
    if (!device->takes_expert_rows(y.scalar_type(), count, columns, spec.per_token)) return false;
  for (const auto part : kParts)
    if (!taken(linears_of(experts, part), y.scalar_type())) return false;
  return true;
}

// LinearLayer::forward() of all experts, each over its own rows.
Tensor forward(const Linears& linears, const Tensor& x, const ops::ExpertRoute& route,
               const ops::DropoutKey& dropout_key) {
  ops::ExpertWeights weights, a, b;
  std::vector<ops::DropoutKey> keys;
  for (const LinearLayer* linear : linears) {
    weights.weights.push_back(linear->weight);
    if (linear->quantized) weights.stored.push_back(linear->quantized);
    if (!linear->lora) continue;
    a.weights.push_back(linear->lora->a);
    b.weights.push_back(linear->lora->b);
    keys.push_back(pair_key(*linear->lora, dropout_key));
  }
  const Tensor y = ops::ExpertMix::linear(x, weights, route);
  if (a.weights.empty()) return y;
  const LoraPair& pair = *linears.front()->lora;
  const bool drop = !dropout_key.none() && pair.dropout > 0;
  const Tensor in = drop ? ops::ExpertMix::dropped(x, pair.dropout, keys, route) : x;
  const Tensor low = ops::ExpertMix::linear(in, a, route) * pair.scale;  // (choices, rank)
  return y + ops::ExpertMix::linear(low, b, route);
}

}  // namespace

std::optional<Tensor> mix_on_device(const Tensor& y, const Tensor& scores, const std::vector<Expert>& experts,
                                    const MoeSpec& spec, const ops::DropoutKey& dropout_key,
                                    RouterBalance* balance, int64_t layer) {
  if (!taken(y, experts, spec)) return std::nullopt;
  const ops::RoutedTokens tokens = ops::ExpertMix::route(scores, spec.per_token, spec.norm_topk_prob);
  const ops::ExpertRoute& route = tokens.route;
  Tensor observed;
  if (balance != nullptr) {
    const Tensor counts = route.starts.slice(0, 1) - route.starts.slice(0, 0, -1);
    observed = balance->observe(layer, tokens.probabilities, counts);
  }
  const Tensor rows = ops::ExpertMix::sort(y, route);
  const auto run = [&](LinearLayer Expert::*part, const Tensor& x) {
    return forward(linears_of(experts, part), x, route, dropout_key);
  };
  const Tensor gated = ops::SwiGlu::forward(run(&Expert::gate, rows), run(&Expert::up, rows));
  return ops::ExpertMix::combine(run(&Expert::down, gated), tokens.shares, observed, route);
}

void gather_experts(Decoder& decoder) {
  const at::NoGradGuard no_grad;
  if (ops::device_ops(decoder.embed_tokens) == nullptr) return;
  for (Block& block : decoder.blocks) {
    if (block.experts.empty()) continue;
    for (const auto part : kParts) {
      std::vector<Tensor> values;
      for (Expert& expert : block.experts)
        if (!(expert.*part).quantized) values.push_back((expert.*part).weight.detach());
      if (values.size() < block.experts.size()) continue;
      const Tensor whole = at::stack(values);
      for (size_t e = 0; e < block.experts.size(); ++e)
        (block.experts[e].*part).weight.set_data(whole.select(0, static_cast<int64_t>(e)));
    }
  }
}

}  // namespace swift::model
