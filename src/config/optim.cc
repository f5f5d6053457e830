#include "config/optim.h"

#include <algorithm>

#include "config/field.h"
#include "config/report.h"
#include "config/value.h"

namespace swift::config {
namespace {

struct Spelling {
  std::string_view name;
  std::string_view canonical;
};

constexpr Spelling kSpellings[] = {
    {"adamw", "adamw"},
    {"adamw_torch", "adamw"},
    {"adamw_torch_fused", "adamw"},
    {"adamw_8bit", "adamw_8bit"},
    {"adamw_bnb_8bit", "adamw_8bit"},
    {"adafactor", "adafactor"},
    {"lion", "lion"},
    {"lion_32bit", "lion"},
    {"sgd", "sgd"},
    {"muon", "muon"},
    {"galore_adamw", "galore_adamw"},
    {"galore_adamw_8bit", "galore_adamw_8bit"},
    {"q_galore", "q_galore"},
    {"q_galore_adamw8bit", "q_galore"},
};

// The group of each field is the optimizers that have it.
std::vector<Field> arg_fields(OptimArgs& a) {
  FieldList v;
  v.group("sgd muon", kTrain);
  v("momentum", &a.momentum, {.min = 0, .below = 1}, "Decay of the momentum");
  v("nesterov", &a.nesterov, {}, "Look ahead along the momentum");
  v.group("muon", kTrain);
  v("ns_steps", &a.ns_steps, {.min = 1, .max = 20}, "Newton-Schulz iterations");
  v("adjust_lr_fn", &a.adjust_lr_fn, {.one_of = {"original", "match_rms_adamw"}}, "Scale by shape");
  v.group("adafactor", kTrain);
  v("scale_parameter", &a.scale_parameter, {}, "Scale the learning rate by the parameter's size");
  v("clip_threshold", &a.clip_threshold, {.above = 0}, "Largest root mean square of an update");
  v("decay_rate", &a.decay_rate, {.below = 0}, "Exponent of the second moment's decay");
  return v.take();
}

bool names_word(std::string_view words, std::string_view word) {
  return (" " + std::string(words) + " ").find(" " + std::string(word) + " ") != std::string::npos;
}

std::string known_args(const std::vector<Field>& fields, std::string_view optim) {
  std::string known;
  for (const Field& field : fields) {
    if (names_word(field.group, optim)) known += (known.empty() ? "" : ", ") + std::string(field.key);
  }
  return known.empty() ? std::string(optim) + " has none" : std::string(optim) + " has " + known;
}

Origin origin_of(const Task& task, std::string_view key) {
  const auto found = task.origins.find(key);
  return found == task.origins.end() ? Origin{} : found->second;
}

void assign_arg(const Field& field, const std::string& text, const Origin& origin, Report& report) {
  RawValue raw;
  raw.kind = RawValue::Kind::scalar;
  raw.items = {{text, {}, 1, true}};
  Report faults;
  assign(field, raw, faults);
  try {
    faults.throw_if_any();
  } catch (const ConfigError& error) {
    for (const Problem& problem : error.problems())
      report.add({origin, 1, "optim_args: " + std::string(field.key) + ": " + problem.message});
  }
}

[[noreturn]] void exclude(const Task& task, const std::string& one, const std::string& other,
                          const std::string& why, const std::string& hint) {
  throw base::Error(base::ExitCode::usage, one + " and " + other + " exclude each other: " + why,
                    origin_of(task, one.substr(0, one.find(':'))).where, hint);
}

}  // namespace

std::vector<std::string_view> optim_names() {
  std::vector<std::string_view> names;
  for (const Spelling& spelling : kSpellings) names.push_back(spelling.name);
  return names;
}

std::string_view canonical_optim(std::string_view name) {
  for (const Spelling& spelling : kSpellings) {
    if (spelling.name == name) return spelling.canonical;
  }
  return "";
}

bool is_galore(std::string_view name) {
  return canonical_optim(name).find("galore") != std::string_view::npos;
}

OptimArgs optim_args(const Task& task) {
  OptimArgs args;
  const auto fields = arg_fields(args);
  const std::string_view optim = canonical_optim(task.optim);
  const Origin origin = origin_of(task, "optim_args");
  Report report;
  for (size_t begin = 0; begin < task.optim_args.size();) {
    const size_t end = std::min(task.optim_args.find(',', begin), task.optim_args.size());
    std::string item = task.optim_args.substr(begin, end - begin);
    item.erase(0, item.find_first_not_of(' '));
    begin = end + 1;
    const size_t equal = item.find('=');
    const std::string key = item.substr(0, equal);
    const Field* field = find(fields, key);
    if (equal == std::string::npos) {
      report.add({origin, 1, "optim_args: '" + item + "' is not key=value"});
    } else if (field == nullptr || !names_word(field->group, optim)) {
      report.add({origin, 1, "optim_args: unknown '" + key + "'; " + known_args(fields, optim)});
    } else {
      assign_arg(*field, item.substr(equal + 1), origin, report);
    }
  }
  report.throw_if_any();
  return args;
}

namespace {

// An update in the backward pass sees one micro-batch and not the gradients of other weights.
void check_per_parameter(const Task& task) {
  if (!task.galore_optim_per_parameter) return;
  const int64_t accumulation = task.gradient_accumulation_steps.value_or(1);
  if (accumulation != 1) {
    exclude(task, "galore_optim_per_parameter: true",
            "gradient_accumulation_steps: " + std::to_string(accumulation),
            "gradients are gone after each backward pass", "set gradient_accumulation_steps: 1");
  }
  if (task.auto_find_batch_size) {
    exclude(task, "galore_optim_per_parameter: true", "auto_find_batch_size: true",
            "a pass that is done again would update twice", "leave auto_find_batch_size out");
  }
  if (task.max_grad_norm > 0) {
    exclude(task, "galore_optim_per_parameter: true", "max_grad_norm above 0",
            "the norm needs all gradients together", "set max_grad_norm: 0");
  }
}

}  // namespace

void resolve_optim(Task& task) {
  check_per_parameter(task);
  const std::string_view optim = canonical_optim(task.optim);
  const auto derive = [&](std::string_view key) {
    task.origins.insert_or_assign(std::string(key), Origin::derived());
  };
  if (task.use_galore && !is_galore(optim)) {
    if (optim != "adamw" && optim != "adamw_8bit") {
      exclude(task, "optim: " + task.optim, "use_galore: true", "GaLore runs AdamW in its subspace",
              "set optim: adamw_torch or adamw_8bit");
    }
    task.optim = task.galore_quantization ? "q_galore"
                 : optim == "adamw"       ? "galore_adamw"
                                          : "galore_adamw_8bit";
    derive("optim");
  }
  if (!is_galore(task.optim)) return;
  if (!task.use_galore) task.use_galore = true, derive("use_galore");
  if (canonical_optim(task.optim) == "q_galore") {
    if (!task.is_set("galore_quantization")) task.galore_quantization = true, derive("galore_quantization");
    if (!task.is_set("galore_proj_quant")) task.galore_proj_quant = true, derive("galore_proj_quant");
    if (task.galore_proj_type != "std") {
      exclude(task, "galore_proj_type: " + task.galore_proj_type, "optim: q_galore",
              "Q-GaLore quantizes the projection of the shorter side", "set galore_proj_type: std");
    }
  } else if (task.galore_quantization || task.galore_proj_quant) {
    exclude(task, task.galore_quantization ? "galore_quantization: true" : "galore_proj_quant: true",
            "optim: " + task.optim, "only Q-GaLore quantizes", "set optim: q_galore");
  }
  if (task.tuner_type != "full") {
    exclude(task, "tuner_type: " + task.tuner_type, "optim: " + task.optim,
            "GaLore projects the gradients of whole matrices, those of adapters have a low rank already",
            "set tuner_type: full, or another optim");
  }
}

}  // namespace swift::config
