#include "train/best_model.h"

#include "base/error.h"
#include "ops/int8_weight.h"

namespace swift::train {
using at::Tensor;
namespace {

// A PiSSA run saves its pair beside the one it started from; the first half is the trained one.
Tensor trained_half(const std::string& name, const Tensor& saved, const Tensor& tensor) {
  if (name.ends_with(".lora_A.weight") && saved.dim() == 2 && saved.size(0) == 2 * tensor.size(0))
    return saved.narrow(0, 0, tensor.size(0));
  if (name.ends_with(".lora_B.weight") && saved.dim() == 2 && saved.size(1) == 2 * tensor.size(1))
    return saved.narrow(1, 0, tensor.size(1));
  return saved;
}

void copy_over(const std::string& name, Tensor tensor, const model::TensorFiles& files) {
  const Tensor saved = trained_half(name, files.get(name), tensor);
  if (saved.sizes() != tensor.sizes()) {
    throw base::Error(base::ExitCode::model, "the best checkpoint's '" + name + "' has another shape",
                      {files.origin()});
  }
  tensor.copy_(saved);
}

}  // namespace

bool is_better(const config::Task& task, double metric, const std::optional<double>& best) {
  if (!best) return true;
  return task.greater_is_better.value_or(false) ? metric > *best : metric < *best;
}

double best_metric_of(const config::Task& task, const base::Json& measured) {
  const std::string& wanted = task.metric_for_best_model;
  const std::string key = wanted.starts_with("eval_") ? wanted : "eval_" + wanted;
  const auto found = measured.find(key);
  if (found != measured.end() && found->is_number()) return found->get<double>();
  throw base::Error(base::ExitCode::usage,
                    "metric_for_best_model: method " + task.method + " does not measure '" + wanted + "'", {},
                    "set metric_for_best_model: loss");
}

void restore_weights(model::Decoder& decoder, const model::LoraSettings* adapter,
                     const std::filesystem::path& checkpoint) {
  const at::NoGradGuard no_grad;
  if (adapter == nullptr) {
    const auto files = model::TensorFiles::from_directory(checkpoint);
    decoder.visit([&](const std::string& name, Tensor& weight) {
      // The others never changed. A weight in INT8 has no memory of its own.
      if (weight.requires_grad() && weight.is_non_overlapping_and_dense())
        copy_over(name, weight.detach(), files);
    });
    for (model::LinearLayer* linear : decoder.linears()) {
      if (!linear->quantized || !linear->weight.requires_grad()) continue;
      const Tensor saved = files.get(linear->name + ".weight").to(linear->weight.device(), at::kFloat);
      static_cast<ops::Int8Weight&>(*linear->quantized).assign(saved);
    }
    return;
  }
  const auto files = model::TensorFiles::from_file(checkpoint / "adapter_model.safetensors");
  for (const auto& [name, tensor] : model::adapter_tensors(decoder, *adapter))
    copy_over(name, tensor.detach(), files);
  model::refresh_norms(decoder);
}

}  // namespace swift::train
