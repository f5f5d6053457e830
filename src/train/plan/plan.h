// What a run will need in memory, known before its first step: bytes of weights, gradients, optimizer,
// activations and logits, from the shapes of the model alone. The sums follow the tensors that our own
// operations keep and make (ops/*.cc, model/decoder.cc).
#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "config/task.h"
#include "model/spec.h"
#include "ops/torch.h"

namespace swift::train {

// The largest micro-batch of a run.
struct BatchShape {
  int64_t tokens = 0;
  int64_t trained = 0;     // labels that count
  int64_t longest = 0;     // tokens of its longest sample
  bool varies = false;     // micro-batches differ in their tokens
  std::string assumption;  // where these come from
};

struct PlanItem {
  std::string name;   // weights, gradients, optimizer, activations, logits, work space, program, data
  std::string dtype;  // "" where types mix
  int64_t bytes = 0;
  std::string note;
};

// The part of a step in which these are needed together.
struct PlanPhase {
  std::string name;
  int64_t gradients = 0, activations = 0, logits = 0, work = 0;
  int64_t bytes() const { return gradients + activations + logits + work; }
};

struct Plan {
  BatchShape batch;
  std::vector<PlanItem> resident;  // there all the time
  std::vector<PlanPhase> phases;   // one after another
  std::string gradient_dtype, activation_dtype;
  int64_t parameters = 0;
  int64_t trained = 0;

  const PlanPhase& largest() const;
  // Peak resident memory of the process.
  int64_t peak() const;
  // `resident` and the largest phase as items.
  std::vector<PlanItem> items() const;
};

struct PlanInput {
  const config::Task& task;
  const model::ModelSpec& spec;
  at::ScalarType dtype;   // of weights and activations
  at::ScalarType stored;  // of the weights on disk
  BatchShape batch;
  int64_t program = 0;  // resident bytes before the weights are loaded: libraries, tokenizer, data
  std::map<std::string, int64_t> packed = {};  // bytes of the linears that the checkpoint packs, by module
};

// Throws base::Error(usage) for a tuner or optimizer that does not fit the model.
Plan make_plan(const PlanInput& input);

// A line an item, the total last.
std::string plan_table(const Plan& plan);
base::Json plan_json(const Plan& plan);

}  // namespace swift::train
