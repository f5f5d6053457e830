#include "train/grpo/policy_pass.h"

#include <algorithm>

#include "ops/linear_log_probs.h"
#include "ops/upload.h"

namespace swift::train::grpo {

using at::Tensor;

namespace {

// Few rows run other kernels, which round otherwise: a short pack is filled up with a sample of its own.
constexpr int64_t kFewestTokens = 16;

Tensor index_of(const std::vector<int64_t>& values) {
  Tensor index = at::empty({static_cast<int64_t>(values.size())}, at::kLong);
  std::copy(values.begin(), values.end(), index.data_ptr<int64_t>());
  return index;
}

class Packer {
 public:
  explicit Packer(PolicyInput& input) : input_(input) { input_.cu_seqlens.push_back(0); }

  // Tokens as a segment; returns the row of its first token.
  int64_t segment(const int32_t* ids, int64_t count, int64_t position, bool continues) {
    const int64_t first = input_.tokens();
    for (int64_t i = 0; i < count; ++i) {
      input_.ids.push_back(ids[i]);
      input_.positions.push_back(static_cast<int32_t>(position + i));
    }
    input_.cu_seqlens.push_back(static_cast<int32_t>(input_.tokens()));
    input_.continues.push_back(continues ? 1 : 0);
    return first;
  }

 private:
  PolicyInput& input_;
};

// The completion's rows: the prompt's last token predicts the first of it, its own tokens the others.
void add_labels(PolicyInput& input, const Rollout& rollout, int64_t sequence, int64_t prompt_last,
                int64_t first) {
  for (size_t t = 0; t < rollout.ids.size(); ++t) {
    input.rows.push_back(t == 0 ? prompt_last : first + static_cast<int64_t>(t) - 1);
    input.labels.push_back(rollout.ids[t]);
    input.sequence.push_back(sequence);
  }
}

}  // namespace

PolicyInput policy_input(std::span<const SequenceRef> sequences, bool share_prompts) {
  PolicyInput input;
  Packer packer(input);
  const std::vector<int32_t>* shared = nullptr;
  int64_t prompt_last = 0;
  for (size_t s = 0; s < sequences.size(); ++s) {
    const Rollout& rollout = *sequences[s].rollout;
    const std::vector<int32_t>& prompt = sequences[s].prompt->ids;
    if (rollout.ids.empty()) continue;
    const auto length = static_cast<int64_t>(prompt.size());
    const auto own = static_cast<int64_t>(rollout.ids.size()) - 1;  // nothing is predicted behind the last
    const auto index = static_cast<int64_t>(s);
    if (share_prompts) {
      if (shared == nullptr || *shared != prompt) {
        prompt_last = packer.segment(prompt.data(), length, 0, false) + length - 1;
        shared = &prompt;
      }
      const int64_t first = own > 0 ? packer.segment(rollout.ids.data(), own, length, true) : 0;
      add_labels(input, rollout, index, prompt_last, first);
      continue;
    }
    std::vector<int32_t> ids = prompt;
    ids.insert(ids.end(), rollout.ids.begin(), rollout.ids.end() - 1);
    const int64_t first = packer.segment(ids.data(), length + own, 0, false);
    add_labels(input, rollout, index, first + length - 1, first + length);
  }
  if (const int64_t missing = kFewestTokens - input.tokens(); input.tokens() > 0 && missing > 0) {
    const std::vector<int32_t> filler(static_cast<size_t>(missing), input.ids.front());
    packer.segment(filler.data(), missing, 0, false);
  }
  if (!share_prompts) input.continues.clear();
  return input;
}

PolicyOutput policy_pass(const model::Decoder& decoder, const PolicyInput& input, double temperature,
                         const model::Pass& pass, bool want_entropy) {
  PolicyOutput output;
  output.attention = std::make_unique<model::PackedContext>(input.cu_seqlens, input.continues);
  const Tensor h = decoder.hidden_states(input.ids, input.positions, *output.attention, pass);
  const auto asked = static_cast<int64_t>(input.labels.size());
  std::vector<int64_t> rows = input.rows, labels = input.labels;
  for (size_t i = 0; rows.size() < static_cast<size_t>(kFewestTokens); ++i) {
    rows.push_back(input.rows[i % input.rows.size()]);
    labels.push_back(input.labels[i % input.labels.size()]);
  }
  const auto head =
      decoder.head_operands(h.index_select(0, ops::uploaded(index_of(rows), h.device())), pass.dropout_key);
  const Tensor entropy = want_entropy ? at::empty({head.h.size(0)}, at::kFloat) : Tensor();
  output.log_probs = ops::LinearLogProbs::forward(head.h, head.w, index_of(labels), temperature, entropy)
                         .narrow(0, 0, asked)
                         .cpu();  // a number a token: the loss is computed in host memory
  if (want_entropy) output.entropy = entropy.narrow(0, 0, asked);
  return output;
}

std::vector<std::vector<float>> sequence_log_probs(const model::Decoder& decoder,
                                                   std::span<const SequenceRef> sequences, double temperature,
                                                   int64_t batch, bool share_prompts) {
  const at::NoGradGuard no_grad;
  std::vector<std::vector<float>> result(sequences.size());
  for (size_t first = 0; first < sequences.size(); first += static_cast<size_t>(batch)) {
    const auto part =
        sequences.subspan(first, std::min(static_cast<size_t>(batch), sequences.size() - first));
    const PolicyInput input = policy_input(part, share_prompts);
    if (input.labels.empty()) continue;
    const Tensor log_probs = policy_pass(decoder, input, temperature, {}, false).log_probs.contiguous();
    const float* values = log_probs.const_data_ptr<float>();
    for (size_t i = 0; i < input.sequence.size(); ++i)
      result[first + static_cast<size_t>(input.sequence[i])].push_back(values[i]);
  }
  return result;
}

}  // namespace swift::train::grpo
