#include "train/plan/preflight.h"

#include <algorithm>

#include "base/error.h"
#include "base/format.h"
#include "config/alignment.h"
#include "config/optim.h"
#include "model/families.h"
#include "model/load.h"
#include "model/packed/packed_sizes.h"
#include "train/batches.h"
#include "train/steps.h"

namespace swift::train {
namespace {

using base::cat;

constexpr int64_t kMostSteps = 20'000;  // walked through to find the largest batch

BatchShape shape_of(const data::Pack& pack) {
  BatchShape shape;
  shape.tokens = static_cast<int64_t>(pack.input_ids.size());
  shape.trained = pack.trained_tokens;
  for (size_t i = 0; i + 1 < pack.cu_seqlens.size(); ++i)
    shape.longest = std::max<int64_t>(shape.longest, pack.cu_seqlens[i + 1] - pack.cu_seqlens[i]);
  return shape;
}

// The longest samples together.
BatchShape bound(const config::Task& task, const model::ModelSpec& spec,
                 std::span<const data::Sample> samples) {
  std::vector<int64_t> lengths;
  for (const data::Sample& sample : samples) lengths.push_back(static_cast<int64_t>(sample.input_ids.size()));
  std::sort(lengths.rbegin(), lengths.rend());
  BatchShape shape;
  shape.longest = lengths.front();
  const int64_t packed = batch_settings(task, spec.max_positions).packing_length;
  for (int64_t i = 0; i < task.per_device_train_batch_size; ++i) {
    const auto index = static_cast<size_t>(i);
    shape.tokens += task.packing ? packed : index < lengths.size() ? lengths[index] : 0;
  }
  shape.trained = shape.tokens;
  shape.varies = true;
  shape.assumption = "the longest samples together";
  return shape;
}

std::string advice(const Plan& plan, const config::Task& task) {
  std::string text;
  const auto add = [&text](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
  if (!task.gradient_checkpointing) add("set gradient_checkpointing: true");
  if (task.per_device_train_batch_size > 1)
    add("lower per_device_train_batch_size and raise gradient_accumulation_steps");
  if (plan.batch.longest > 256) add("lower max_length");
  if (task.tuner_type == "full") {
    if (config::canonical_optim(task.optim) == "adamw") add("set optim: adamw_8bit or adafactor");
    add("set tuner_type: lora");
  }
  if (plan.activation_dtype == "float32") add("set torch_dtype: bfloat16");
  return text.empty() ? "use a smaller model" : text;
}

}  // namespace

BatchShape assumed_batch(const config::Task& task, const model::ModelSpec& spec) {
  const BatchSettings settings = batch_settings(task, spec.max_positions);
  BatchShape shape;
  const int64_t length =
      task.packing ? settings.packing_length : task.max_length.value_or(spec.max_positions);
  shape.longest = std::min(length, task.max_length.value_or(spec.max_positions));
  shape.tokens = length * settings.batch_size;
  shape.trained = shape.tokens;
  shape.assumption = cat(settings.batch_size, task.packing ? " packs of " : " samples of ", length,
                         task.packing                  ? " tokens, packing_length"
                         : task.max_length.has_value() ? " tokens, max_length"
                                                       : " tokens, the model's longest",
                         "; the data was not read");
  // Both answers at their longest, with nothing in common.
  const bool pairs = config::is_preference(task.method) && task.method != "kto" && !task.packing;
  if (!pairs) return shape;
  shape.tokens *= 2;
  shape.trained = task.method == "rm" ? 2 * settings.batch_size : shape.tokens;
  shape.assumption += "; two answers a row";
  return shape;
}

BatchShape largest_batch(const config::Task& task, const model::ModelSpec& spec,
                         std::span<const data::Sample> samples) {
  Batches batches(samples, batch_settings(task, spec.max_positions));
  const int64_t steps = count_steps(task, batches.steps_per_epoch());
  if (steps > kMostSteps) return bound(task, spec, samples);
  BatchShape largest;
  for (int64_t step = 0; step < steps; ++step) {
    for (const data::Pack& pack : batches.next().micro_batches) {
      const BatchShape shape = shape_of(pack);
      largest.varies |= largest.tokens != 0 && largest.tokens != shape.tokens;
      largest.tokens = std::max(largest.tokens, shape.tokens);
      largest.trained = std::max(largest.trained, shape.trained);
      largest.longest = std::max(largest.longest, shape.longest);
    }
  }
  largest.assumption = "from the data";
  return largest;
}

Plan plan_of(const config::Task& task, const BatchShape& batch, int64_t program) {
  const model::HfConfig config = model::HfConfig::read(task.model);
  const model::ModelSpec spec = model::read_spec(config);
  const auto stored = model::parse_dtype(config.dtype()).value_or(at::kFloat);
  const auto dtype = model::parse_dtype(task.torch_dtype).value_or(stored);
  PlanInput input{task, spec, dtype, stored, batch, program};
  if (const auto form = model::read_packed_form(config))
    input.packed = model::packed_sizes(model::TensorFiles::from_directory(task.model), *form);
  return make_plan(input);
}

std::string check_fit(const Plan& plan, const config::Task& task, const base::MemoryLimit& limit) {
  const int64_t peak = plan.peak();
  if (limit.bytes == 0 || peak <= limit.bytes) return "";
  const std::string text =
      cat("the run needs about ", base::human_bytes(static_cast<double>(peak)), " of memory, but ",
          limit.origin, " is ", base::human_bytes(static_cast<double>(limit.bytes)));
  if (peak > limit.bytes + limit.bytes / 5)
    throw base::Error(base::ExitCode::device, text, {}, advice(plan, task));
  return text + ": it may be killed";
}

}  // namespace swift::train
