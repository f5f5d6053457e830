#include "train/plan/plan.h"

#include <algorithm>

#include "config/alignment.h"
#include "config/optim.h"
#include "model/adapter_init.h"
#include "model/adapter_parts.h"
#include "model/load.h"
#include "model/vocabulary_adapter.h"
#include "ops/gemm.h"
#include "train/offload.h"
#include "train/optimizers/projection.h"
#include "train/optimizers/table.h"
#include "train/parameters.h"
#include "train/plan/sizes.h"

namespace swift::train {
namespace {

using at::Tensor;

constexpr int64_t kFloat = 4;
// Code and tables that oneDNN, OpenMP and the allocator make when the first step runs, and what oneDNN's
// programs add where products have many shapes (their number is bounded in cli/compute.cc).
constexpr int64_t kWarm = int64_t{36} << 20;
constexpr int64_t kManyShapes = int64_t{24} << 20;
// Tensors below this come from the heap, whose pages stay (ops/tensor_memory.cc).
constexpr int64_t kSmallTensor = int64_t{128} << 10;

int64_t bytes_of(const Tensor& tensor) {
  return tensor.defined() ? tensor.numel() * static_cast<int64_t>(tensor.element_size()) : 0;
}

Tensor on_meta(const Tensor& tensor) {
  return at::empty(tensor.sizes(), tensor.options().device(at::kMeta));
}

// The model as shapes, with its adapter where the task has one.
struct Shapes {
  model::Decoder decoder;
  std::optional<model::LoraSettings> adapter;
  std::vector<Parameter> parameters;  // trained
  int64_t weights = 0;                // bytes
  int64_t unpacked = 0;               // bytes of the largest quantized weight while it is used
  int64_t elements = 0;
};

bool is_quantized(const PlanInput& input) {
  if (input.task.tuner_type != "lora") return false;
  return input.task.quant_method.value_or("") == "bnb" || !input.packed.empty();
}

// Bytes of a linear's weight in the form of ops/four_bit.h or ops/int8_weight.h.
int64_t quantized_bytes(const Tensor& weight, const config::Task& task) {
  const int64_t count = weight.numel();
  if (task.quant_bits == 8) return count + weight.size(0) * kFloat;
  const int64_t blocks = count / 64;
  return count / 2 + (task.bnb_4bit_use_double_quant ? blocks + blocks / 256 * kFloat : blocks * kFloat);
}

void count_quantized(Shapes& shapes, const PlanInput& input) {
  for (const model::LinearLayer* linear : shapes.decoder.linears()) {
    const int64_t full = bytes_of(linear->weight);
    const auto packed = input.packed.find(linear->name);
    if (!input.packed.empty() && packed == input.packed.end()) continue;  // left whole
    shapes.weights +=
        (input.packed.empty() ? quantized_bytes(linear->weight, input.task) : packed->second) - full;
    shapes.unpacked = std::max(shapes.unpacked, full);
  }
}

bool keeps_int8(const config::Task& task) {
  return config::canonical_optim(task.optim) == "q_galore" &&
         optimizer_settings(task).galore.quantize_weights;
}

// Q-GaLore's optimizer holds the projected linears in INT8, and the model one of them at a time.
void take_out_int8(Shapes& shapes, const PlanInput& input) {
  if (!keeps_int8(input.task)) return;
  const auto projected = projected_parameters(shapes.parameters, optimizer_settings(input.task).galore);
  for (size_t i = 0; i < shapes.parameters.size(); ++i) {
    const Parameter& parameter = shapes.parameters[i];
    if (!projected[i] || is_embedding(parameter.name)) continue;
    shapes.weights -= bytes_of(parameter.value);
    shapes.unpacked = std::max(shapes.unpacked, bytes_of(parameter.value));
  }
}

void attach_to_vocabulary(Shapes& shapes, const model::Targets& targets) {
  const auto shape = [](model::LoraPair pair) {
    pair.a = on_meta(pair.a), pair.b = on_meta(pair.b);
    return pair;
  };
  model::Decoder& decoder = shapes.decoder;
  if (targets.embeddings) decoder.embed_lora = shape(model::empty_embedding_pair(decoder, *shapes.adapter));
  if (targets.head) decoder.head_lora = shape(model::empty_head_pair(decoder, *shapes.adapter));
}

Shapes shapes_of(const PlanInput& input) {
  Shapes shapes{model::skeleton(input.spec), std::nullopt, {}, 0, 0, 0};
  shapes.decoder.visit([&](const std::string&, Tensor& weight) {
    weight = at::empty(weight.sizes(), weight.options().dtype(input.dtype));
    shapes.weights += bytes_of(weight);
    shapes.elements += weight.numel();
  });
  if (is_quantized(input)) count_quantized(shapes, input);
  if (input.spec.tied_embeddings) shapes.decoder.lm_head = shapes.decoder.embed_tokens;
  if (input.task.tuner_type == "lora") {
    shapes.adapter = lora_settings(input.task);
    if (!input.task.new_special_tokens.empty()) model::train_new_rows(shapes.decoder, *shapes.adapter);
    const model::Targets targets = model::select_targets(shapes.decoder, *shapes.adapter);
    attach_to_vocabulary(shapes, targets);
    for (model::LinearLayer* linear : targets.linears) {
      if (input.task.adapters.empty()) model::require_rank(*linear, *shapes.adapter);
      model::LoraPair pair = model::empty_pair(*linear, *shapes.adapter);
      pair.a = on_meta(pair.a), pair.b = on_meta(pair.b);
      if (shapes.adapter->dora) {
        const Tensor row = at::empty({linear->weight.size(0)}, pair.a.options());
        pair.dora = model::Dora{row, at::empty_like(row), at::empty_like(row)};
      }
      linear->lora = std::move(pair);
    }
    model::own_trained_weights(shapes.decoder, *shapes.adapter);
  }
  shapes.parameters = make_trainable(shapes.decoder, shapes.adapter ? &*shapes.adapter : nullptr, input.task);
  take_out_int8(shapes, input);
  return shapes;
}

// Everything that the optimizer keeps, masters included, from the optimizer itself. Q-GaLore's INT8 weights
// cannot be made without values, so they are added here in place of masters.
int64_t optimizer_bytes(const PlanInput& input, const std::vector<Parameter>& parameters) {
  OptimizerSettings settings = optimizer_settings(input.task);
  const bool int8 = keeps_int8(input.task);
  settings.galore.quantize_weights = false;
  const auto optimizer = make_optimizer(input.task.optim, parameters, settings);
  int64_t bytes = 0;
  for (const auto& [name, tensor] : optimizer->state()) bytes += bytes_of(tensor);
  if (!int8) return bytes;
  const auto projected = projected_parameters(parameters, settings.galore);
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (!projected[i]) continue;
    const int64_t count = parameters[i].value.numel();
    bytes += count + (count / settings.galore.group_size + 1) * kFloat;
    if (input.dtype != at::kFloat) bytes -= count * kFloat;
  }
  return bytes;
}

// Copies that the update of the largest parameter makes, in fp32 values a weight.
int64_t update_work(const PlanInput& input, const std::vector<Parameter>& parameters) {
  const std::string_view optim = config::canonical_optim(input.task.optim);
  int64_t largest = 0;
  for (const Parameter& parameter : parameters) largest = std::max(largest, parameter.value.numel());
  int64_t copies = input.dtype == at::kFloat ? 0 : 1;  // the gradient in fp32
  if (optim == "adafactor") copies += 2;
  if (optim == "adamw_8bit" || optim == "lion" || optim == "sgd" || optim.find("galore") != optim.npos)
    copies += 1;
  return largest * copies * kFloat;
}

AdapterSizes adapter_sizes(const Shapes& shapes, const config::Task& task) {
  AdapterSizes sizes;
  if (!shapes.adapter) return sizes;
  sizes.dropout = task.lora_dropout > 0;
  model::Block block = shapes.decoder.blocks.back();
  for (const model::LinearLayer* linear : block.linears()) {
    if (!linear->lora) continue;
    sizes.ranks += linear->lora->a.size(0);
    if (!linear->lora->dora) continue;
    // The result is kept, which only these do not keep anyway; where it is scaled in a pass of its own, what
    // was before it as well.
    const bool one_pass =
        linear->weight.scalar_type() == at::kBFloat16 && !linear->bias.defined() && ops::has_panel_gemm();
    const bool kept = linear != &block.o && linear != &block.down;
    sizes.outputs += linear->weight.size(0) * ((kept ? 0 : 1) + (one_pass ? 0 : 1));
  }
  return sizes;
}

int64_t gradient_bytes(const std::vector<Parameter>& parameters) {
  int64_t bytes = 0;
  for (const Parameter& parameter : parameters) bytes += bytes_of(parameter.value);
  return bytes;
}

// Of the gradients that are gone after an update, but not their pages.
int64_t small_gradient_bytes(const std::vector<Parameter>& parameters) {
  int64_t bytes = 0;
  for (const Parameter& parameter : parameters) {
    if (bytes_of(parameter.value) < kSmallTensor) bytes += bytes_of(parameter.value);
  }
  return bytes;
}

bool trains(const std::vector<Parameter>& parameters, const char* part) {
  return std::any_of(parameters.begin(), parameters.end(), [part](const Parameter& parameter) {
    return parameter.name.find(part) != std::string::npos;
  });
}

struct Blocks {
  int64_t kept = 0;  // of all blocks until the backward pass
  int64_t last = 0;  // made again for one block
  int64_t work = 0;  // of one block's backward pass
  int64_t forward_work = 0;
};

Blocks blocks_of(const PlanInput& input, const AdapterSizes& adapter) {
  Blocks total;
  const auto element = static_cast<int64_t>(c10::elementSize(input.dtype));
  for (int64_t layer = 0; layer < input.spec.layers; ++layer) {
    const BlockSizes one = block_sizes(input.spec, input.spec.moe.at(layer), input.batch, adapter, element);
    total.work = std::max(total.work, one.work);
    if (!input.task.gradient_checkpointing) {
      total.kept += one.kept;
      continue;
    }
    total.kept += input.task.offload_activations ? 0 : one.input;
    total.last = std::max(total.last, one.kept);  // its input stands for its result here
    total.forward_work = std::max(total.forward_work, one.forward_work);
  }
  return total;
}

std::vector<PlanPhase> phases_of(const PlanInput& input, const Shapes& shapes) {
  const auto element = static_cast<int64_t>(c10::elementSize(input.dtype));
  const bool embeds = trains(shapes.parameters, "embed_tokens");
  const bool head = trains(shapes.parameters, "lm_head") || (embeds && input.spec.tied_embeddings);
  const int64_t table = input.spec.vocab * input.spec.hidden * element;
  Blocks blocks = blocks_of(input, adapter_sizes(shapes, input.task));
  blocks.work += shapes.unpacked;
  blocks.forward_work += shapes.unpacked;
  LossSizes loss = loss_sizes(input.spec, input.batch, head, element);
  if (const auto& pair = shapes.decoder.head_lora) {
    // The head beside its update (vocab, hidden + rank), and the gradient of both.
    const int64_t widened = input.spec.vocab * (input.spec.hidden + pair->a.size(0));
    loss.hidden += widened * element;
    loss.weight_work = widened * (element + kFloat);
  }
  int64_t all = gradient_bytes(shapes.parameters);
  if (input.task.galore_optim_per_parameter) {
    all = 0;
    for (const Parameter& parameter : shapes.parameters) all = std::max(all, bytes_of(parameter.value));
  }
  // Later micro-batches find the gradients of the first.
  const bool accumulates = input.task.gradient_accumulation_steps.value_or(1) > 1;
  const int64_t before = accumulates ? all : small_gradient_bytes(shapes.parameters);
  PlanPhase forward{"forward", before, blocks.kept, 0, blocks.forward_work};
  PlanPhase losses{"loss", before, blocks.kept + loss.hidden, loss.logits, loss.weight_work};
  const int64_t first = before + (head ? table : 0);
  // The lookup's gradient joins the head's.
  const int64_t lookup = embeds ? table : 0;
  PlanPhase begin{"backward, last block", first, blocks.kept + blocks.last, 0, blocks.work};
  PlanPhase end{"backward, first block", all,
                blocks.kept / std::max<int64_t>(1, input.spec.layers) + blocks.last, 0,
                std::max(lookup, blocks.work)};
  PlanPhase update{"update", all, 0, 0, update_work(input, shapes.parameters)};
  return {forward, losses, begin, end, update};
}

std::string type_name(at::ScalarType type) {
  return model::dtype_name(type);
}

PlanItem optimizer_item(const PlanInput& input, const std::vector<Parameter>& parameters) {
  const std::string name(config::canonical_optim(input.task.optim));
  const int64_t bytes = optimizer_bytes(input, parameters);
  if (!input.task.offload_optimizer) return {"optimizer", "", bytes, name + ", masters included"};
  int64_t largest = 0;
  for (const Parameter& parameter : parameters) largest = std::max(largest, parameter.value.numel());
  return {"optimizer", "", std::min(bytes, kOffloadedAtOnce + largest * 3 * kFloat), name + ", offloaded"};
}

PlanItem weights_item(const PlanInput& input, const Shapes& shapes) {
  const std::string dtype = type_name(input.dtype);
  if (!input.packed.empty() && is_quantized(input))
    return {"weights", dtype, shapes.weights, "frozen, linears packed as on disk"};
  if (is_quantized(input)) {
    const std::string bits = input.task.quant_bits == 8 ? "8" : "4";
    return {"weights", dtype, shapes.weights, "frozen, linears in " + bits + " bits"};
  }
  if (input.task.tuner_type == "full") return {"weights", dtype, shapes.weights, "in memory, trained"};
  if (input.dtype != input.stored) return {"weights", dtype, shapes.weights, "in memory, converted"};
  return {"weights", dtype, shapes.weights, "mapped from disk, frozen"};
}

}  // namespace

const PlanPhase& Plan::largest() const {
  return *std::max_element(phases.begin(), phases.end(),
                           [](const PlanPhase& a, const PlanPhase& b) { return a.bytes() < b.bytes(); });
}

int64_t Plan::peak() const {
  int64_t bytes = largest().bytes();
  for (const PlanItem& item : resident) bytes += item.bytes;
  return bytes;
}

std::vector<PlanItem> Plan::items() const {
  std::vector<PlanItem> all = resident;
  const PlanPhase& phase = largest();
  all.push_back({"gradients", gradient_dtype, phase.gradients, ""});
  all.push_back({"activations", activation_dtype, phase.activations, ""});
  all.push_back({"logits", "float32", phase.logits, "one chunk; its gradient takes its place"});
  all.push_back({"work space", "", phase.work, ""});
  return all;
}

Plan make_plan(const PlanInput& input) {
  const Shapes shapes = shapes_of(input);
  Plan plan;
  plan.batch = input.batch;
  plan.parameters = shapes.elements;
  for (const Parameter& parameter : shapes.parameters) plan.trained += parameter.value.numel();
  plan.activation_dtype = type_name(input.dtype);
  plan.gradient_dtype = shapes.adapter ? "float32" : type_name(input.dtype);
  const bool many_shapes = input.batch.varies || input.spec.moe.experts > 0;
  const int64_t warm = kWarm + (many_shapes ? kManyShapes : 0);
  plan.resident = {{"program", "", input.program + warm, "libraries, tokenizer, data"},
                   weights_item(input, shapes)};
  if (config::has_reference(input.task) && !shapes.adapter && !input.task.precompute_ref_log_probs) {
    const bool mapped = input.dtype == input.stored;
    plan.resident.push_back({"reference", type_name(input.dtype), shapes.weights,
                             mapped ? "mapped from disk, frozen" : "in memory, converted"});
  }
  if (shapes.adapter) plan.resident.push_back({"adapter", "float32", gradient_bytes(shapes.parameters), ""});
  plan.resident.push_back(optimizer_item(input, shapes.parameters));
  plan.phases = phases_of(input, shapes);
  return plan;
}

}  // namespace swift::train
