// The policy that the KL is measured against: the weights that training starts from.
#pragma once
#include <filesystem>

#include "config/task.h"
#include "model/adapter.h"

namespace swift::train::grpo {

class Reference {
 public:
  // With LoRA the same base with the adapter off (ref_adapters: base), with the one that training continues
  // from (adapters), or with another (ref_adapters). With full tuning the weights of ref_model or model,
  // mapped from disk. sync_ref_model gives it tensors of its own. `policy` has its adapter attached and its
  // trained tensors chosen. Throws base::Error(model | usage).
  Reference(const config::Task& task, model::Decoder& policy, const model::LoraSettings* adapter);

  const model::Decoder& decoder() const { return decoder_; }
  // reference = alpha * policy + (1 - alpha) * reference, of every trained tensor (TR-DPO, arXiv 2404.09656).
  void sync(model::Decoder& policy, double alpha);
  // Its own tensors, in a checkpoint; nothing without sync_ref_model.
  void save(const std::filesystem::path& checkpoint) const;
  void load(const std::filesystem::path& checkpoint);

 private:
  model::NamedTensors own_tensors() const;

  bool synced_;
  bool adapter_;
  model::LoraSettings settings_;
  model::Decoder decoder_;
};

}  // namespace swift::train::grpo
