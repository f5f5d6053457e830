// One forward pass over prompts and completions: the log-probability of every completion token.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "model/decoder.h"
#include "train/grpo/rollout.h"

namespace swift::train::grpo {

// A sequence of a micro-batch; both outlive its pass.
struct SequenceRef {
  const Prompt* prompt = nullptr;
  const Rollout* rollout = nullptr;
};

// Packed input. Sequences with equal prompts that are next to each other share the prompt's tokens, which are
// computed once: segments [prompt | completion | completion …].
struct PolicyInput {
  std::vector<int32_t> ids, positions;  // (tokens)
  std::vector<int32_t> cu_seqlens;      // (segments + 1)
  std::vector<uint8_t> continues;       // (segments) 1: sees the prompt before it; empty: nothing is shared
  std::vector<int64_t> rows;            // (completion tokens) of ids: whose hidden state predicts the token
  std::vector<int64_t> labels;          // (completion tokens)
  std::vector<int64_t> sequence;        // (completion tokens) index of the sequence
  int64_t tokens() const { return static_cast<int64_t>(ids.size()); }
};
PolicyInput policy_input(std::span<const SequenceRef> sequences, bool share_prompts);

// What a pass gives; attention is kept, because a recomputing backward pass reads it.
struct PolicyOutput {
  std::unique_ptr<model::AttentionContext> attention;
  at::Tensor log_probs;  // (completion tokens) fp32 at `temperature`
  at::Tensor entropy;    // the same shape, without autograd; undefined unless asked for
};
PolicyOutput policy_pass(const model::Decoder& decoder, const PolicyInput& input, double temperature,
                         const model::Pass& pass, bool want_entropy);

// The same without autograd, split by sequence; `batch` sequences at a time.
std::vector<std::vector<float>> sequence_log_probs(const model::Decoder& decoder,
                                                   std::span<const SequenceRef> sequences, double temperature,
                                                   int64_t batch, bool share_prompts);

}  // namespace swift::train::grpo
