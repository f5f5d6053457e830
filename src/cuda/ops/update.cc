// ops/device_update.h: tables of tensors in device memory, one launch for those of one form.
#include <cmath>
#include <map>
#include <tuple>

#include "cuda/adamw.h"
#include "cuda/ops/cuda_ops.h"
#include "cuda/ops/platform.h"
#include "ops/device_update.h"
#include "ops/dynamic_map.h"

namespace swift::cuda {
using at::Tensor;
using ops::AdamTensors;
namespace {

// What one launch has in common.
struct Form {
  Type weight, grad;
  bool codes;
  int64_t step;
  bool operator<(const Form& other) const {
    return std::tie(weight, grad, codes, step) < std::tie(other.weight, other.grad, other.codes, other.step);
  }
};

template <class T>
T* data_or_null(const Tensor& t) {
  return t.defined() ? static_cast<T*>(t.data_ptr()) : nullptr;
}

// The 256 values of a code, and behind them what lies halfway to the next one.
Tensor code_table(bool has_sign, const Tensor& like) {
  const ops::DynamicMap map(has_sign);
  std::vector<float> values;
  for (int i = 0; i < 256; ++i) values.push_back(map.value(static_cast<uint8_t>(i)));
  for (size_t i = 0; i < 255; ++i) values.push_back((values[i] + values[i + 1]) / 2);
  values.push_back(INFINITY);
  return uploaded(values, like);
}

ByteCode code_of(const Tensor& table) {
  const auto* values = static_cast<const float*>(table.const_data_ptr());
  return {values, values + 256};
}

void update(const Form& form, const std::vector<const AdamTensors*>& tensors,
            const ops::AdamSettings& settings) {
  std::vector<AdamTensor> table;
  std::vector<AdamChunk> chunks;
  double learning_rate = 0;  // the largest; of GaLore's directions -1
  for (const AdamTensors* t : tensors)
    if (std::abs(t->learning_rate) > std::abs(learning_rate)) learning_rate = t->learning_rate;
  for (const AdamTensors* t : tensors) {
    const auto index = static_cast<int32_t>(table.size());
    const double scale = learning_rate != 0 ? t->learning_rate / learning_rate : 1.0;
    table.push_back({t->weight.data_ptr(), t->grad.const_data_ptr(), data_or_null<float>(t->master),
                     t->exp_avg.data_ptr(), t->exp_avg_sq.data_ptr(), data_or_null<float>(t->exp_avg_absmax),
                     data_or_null<float>(t->exp_avg_sq_absmax), t->weight.numel(), static_cast<float>(scale),
                     static_cast<float>(t->weight_decay)});
    for (int32_t i = 0; int64_t{i} * kAdamChunk < t->weight.numel(); ++i) chunks.push_back({index, i});
  }
  const Tensor& like = tensors.front()->weight;
  const auto step = static_cast<double>(form.step);
  const double first_correction = 1 - std::pow(settings.beta1, step),
               root = std::sqrt(1 - std::pow(settings.beta2, step));
  const std::vector<AdamStep> step_values = {
      {static_cast<float>(learning_rate), static_cast<float>(settings.beta1),
       static_cast<float>(settings.beta2), static_cast<float>(settings.epsilon),
       static_cast<float>(settings.raw_epsilon ? first_correction / root : first_correction),
       static_cast<float>(settings.raw_epsilon ? 1.0 : root), 0, static_cast<uint64_t>(form.step)}};
  const Tensor places = uploaded(table, like), parts = uploaded(chunks, like),
               now = uploaded(step_values, like);
  AdamW a{};
  a.weight_type = form.weight;
  a.grad_type = form.grad;
  a.tensors = static_cast<const AdamTensor*>(places.const_data_ptr());
  a.chunks = static_cast<const AdamChunk*>(parts.const_data_ptr());
  a.chunk_count = static_cast<int>(chunks.size());
  a.step = static_cast<const AdamStep*>(now.const_data_ptr());
  if (!form.codes) return adamw(a, stream_of(like));
  const Tensor first = code_table(true, like), second = code_table(false, like);
  adamw_8bit(a, code_of(first), code_of(second), stream_of(like));
}

}  // namespace

void CudaOps::adamw(const std::vector<AdamTensors>& tensors, const ops::AdamSettings& settings) const {
  std::map<Form, std::vector<const AdamTensors*>> forms;
  for (const AdamTensors& t : tensors)
    forms[{type_of(t.weight), type_of(t.grad), t.exp_avg_absmax.defined(), t.step}].push_back(&t);
  for (const auto& [form, group] : forms) update(form, group, settings);
}

}  // namespace swift::cuda
