#include "train/grpo/micro_batch.h"

#include <algorithm>

namespace swift::train::grpo {

using at::Tensor;

namespace {

Tensor floats(const std::vector<float>& values) {
  Tensor t = at::empty({static_cast<int64_t>(values.size())}, at::kFloat);
  std::copy(values.begin(), values.end(), t.data_ptr<float>());
  return t;
}

// One value a completion token, from lists by rollout.
template <class Of>
Tensor joined(size_t first, size_t count, const Of& of) {
  std::vector<float> all;
  for (size_t i = first; i < first + count; ++i) {
    const std::vector<float>& values = of(i);
    all.insert(all.end(), values.begin(), values.end());
  }
  return floats(all);
}

void compare(const Tensor& log_probs, const Tensor& sampled, const Tensor& mask,
             SamplerDifference& difference) {
  const Tensor apart = (log_probs.detach() - sampled).abs() * mask;
  if (apart.numel() == 0) return;
  difference.sum += apart.sum().item<double>();
  difference.most = std::max(difference.most, apart.max().item<double>());
  difference.tokens += mask.sum().item<double>();
}

}  // namespace

MicroBatchResult micro_batch_loss(const model::Decoder& decoder, const Round& round,
                                  const std::vector<Prompt>& prompts, size_t first, size_t count,
                                  const MicroBatchSettings& settings, const StepSize& size,
                                  const model::Pass& pass, LossSums& sums, SamplerDifference& difference) {
  std::vector<SequenceRef> sequences;
  std::vector<std::vector<float>> masks;
  for (size_t i = first; i < first + count; ++i) {
    const Rollout& rollout = round.rollouts[i];
    sequences.push_back({&prompts[static_cast<size_t>(rollout.prompt)], &rollout});
    masks.push_back(loss_mask(rollout, settings.overlong_filter));
  }
  const PolicyInput input = policy_input(sequences, settings.share_prompts);
  MicroBatchResult result;
  result.tokens = input.tokens();
  if (input.labels.empty()) return result;
  PolicyOutput output = policy_pass(decoder, input, settings.temperature, pass, settings.want_entropy);
  TokenBatch batch;
  batch.logps = output.log_probs;
  batch.entropy = output.entropy;
  batch.mask = joined(0, count, [&](size_t i) -> const std::vector<float>& { return masks[i]; });
  batch.sequence = at::tensor(input.sequence);
  std::vector<float> advantages;
  for (size_t i = first; i < first + count; ++i)
    advantages.push_back(static_cast<float>(round.advantage.advantages[i]));
  batch.advantages = floats(advantages);
  const Tensor sampled = joined(
      first, count, [&](size_t i) -> const auto& { return round.rollouts[i].log_probs; });
  if (!round.old_log_probs.empty())
    batch.old_logps = joined(
        first, count, [&](size_t i) -> const auto& { return round.old_log_probs[i]; });
  if (!round.ref_log_probs.empty())
    batch.ref_logps = joined(
        first, count, [&](size_t i) -> const auto& { return round.ref_log_probs[i]; });
  if (settings.loss.correction || settings.loss.off_policy_delta) batch.sampler_logps = sampled;
  if (settings.compare_sampler) compare(batch.logps, sampled, batch.mask, difference);
  result.loss = policy_loss(batch, settings.loss, size, sums);
  result.attention = std::move(output.attention);
  return result;
}

}  // namespace swift::train::grpo
