#include "model/experts.h"

#include <charconv>

#include "base/error.h"
#include "ops/swiglu.h"

namespace swift::model {
namespace {

using at::Tensor;

Tensor run_expert(const Expert& expert, const Tensor& x, const ops::DropoutKey& dropout_key) {
  const Tensor gated =
      ops::SwiGlu::forward(expert.gate.forward(x, dropout_key), expert.up.forward(x, dropout_key));
  return expert.down.forward(gated, dropout_key);
}

// rows (tokens * per_token, hidden), sorted by expert; counts (experts): rows of each.
Tensor run_sorted(const Tensor& rows, const Tensor& counts, const std::vector<Expert>& experts,
                  const ops::DropoutKey& dropout_key) {
  const Tensor known = counts.cpu();  // splits need them here
  const int64_t* count = known.const_data_ptr<int64_t>();
  // One split: its backward joins the gradients once, where each slice of its own would fill all rows.
  const std::vector<Tensor> inputs = at::split_with_sizes(rows, {count, experts.size()}, 0);
  std::vector<Tensor> parts;
  // In training an expert without rows runs too: its gradient is zeros, and its moments and decay go on, as
  // of transformers' tensors over all experts.
  const bool all = at::GradMode::is_enabled();
  for (size_t e = 0; e < experts.size(); ++e) {
    if (all || count[e] > 0) parts.push_back(run_expert(experts[e], inputs[e], dropout_key));
  }
  return at::cat(parts, 0);
}

}  // namespace

Tensor mix_experts(const Tensor& y, const Tensor& scores, const std::vector<Expert>& experts,
                   const MoeSpec& spec, const ops::DropoutKey& dropout_key, RouterBalance* balance,
                   int64_t layer) {
  const int64_t tokens = y.size(0), k = spec.per_token;
  Tensor probabilities = at::softmax(scores, -1, at::kFloat);                          // (tokens, experts)
  const Tensor chosen = std::get<1>(at::topk(probabilities.detach(), k));              // (tokens, k)
  const Tensor flat = chosen.flatten();                                                // (tokens * k)
  const Tensor counts = at::bincount(flat, {}, static_cast<int64_t>(experts.size()));  // (experts)
  if (balance != nullptr) probabilities = balance->observe(layer, probabilities, counts);
  Tensor share = probabilities.gather(1, chosen);
  if (spec.norm_topk_prob) share = share / share.sum(1, true);
  const Tensor order = at::argsort(flat, /*stable=*/true, 0, false);
  const Tensor source = at::floor_divide(order, k);  // the token of each sorted row
  const Tensor sorted = run_sorted(y.index_select(0, source), counts, experts, dropout_key);
  const Tensor by_token = sorted.index_select(0, at::argsort(order)).view({tokens, k, y.size(1)});
  return (by_token * share.to(y.scalar_type()).unsqueeze(2)).sum(1);
}

Tensor find_weight(const TensorFiles& files, const std::string& name) {
  constexpr std::string_view kExperts = ".mlp.experts.";
  const size_t at = name.find(kExperts);
  if (files.has(name) || at == std::string::npos) return files.get(name);
  const char* begin = name.data() + at + kExperts.size();
  int64_t index = 0;
  const auto [stop, fault] = std::from_chars(begin, name.data() + name.size(), index);
  const std::string part = fault == std::errc() ? std::string(stop, name.data() + name.size()) : "";
  const bool down = part == ".down_proj.weight";
  const std::string fused_name = name.substr(0, at + kExperts.size()) + (down ? "down_proj" : "gate_up_proj");
  if (!files.has(fused_name)) return files.get(name);
  const Tensor fused = files.get(fused_name);
  if (fused.dim() != 3 || index >= fused.size(0) || (!down && fused.size(1) % 2 != 0)) {
    throw base::Error(base::ExitCode::model, "tensor '" + fused_name + "' does not hold the experts",
                      {files.origin()});
  }
  const Tensor expert = fused.select(0, index);
  if (down) return expert;
  const int64_t half = expert.size(0) / 2;
  return expert.narrow(0, part == ".up_proj.weight" ? half : 0, half);
}

}  // namespace swift::model
