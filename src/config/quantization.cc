#include "config/quantization.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/format.h"

namespace swift::config {
namespace {

[[noreturn]] void refuse(const Task& task, std::string_view key, const std::string& message,
                         const std::string& hint = {}) {
  const auto found = task.origins.find(key);
  throw base::Error(base::ExitCode::usage, message,
                    found == task.origins.end() ? base::Location{} : found->second.where, hint);
}

struct Method {
  std::string_view name;
  std::vector<int64_t> bits;
  std::vector<std::string_view> formats;  // the first is the default
  int64_t default_bits;
};

const Method& method_of(const Task& task) {
  static const std::array<Method, 4> kMethods = {{
      {"awq", {2, 3, 4, 8}, {"awq", "gptq", "gptq_v2", "compressed-tensors"}, 4},
      {"gptq", {2, 3, 4, 8}, {"gptq", "gptq_v2", "compressed-tensors"}, 4},
      {"rtn", {2, 3, 4, 8}, {"gptq", "gptq_v2", "awq", "compressed-tensors"}, 4},
      {"fp8", {8}, {"fp8"}, 8},
  }};
  return *std::find_if(kMethods.begin(), kMethods.end(),
                       [&](const Method& m) { return m.name == *task.quant_method; });
}

// AWQ's own format has 4 bits alone.
std::string default_format(const Method& method, int64_t bits) {
  if (method.name == "awq" && bits != 4) return bits == 8 ? "compressed-tensors" : "gptq";
  return std::string(method.formats.front());
}

// Settings that one method alone reads.
void check_own_settings(const Task& task) {
  struct Own {
    const char* key;
    std::vector<std::string_view> methods;
  };
  static const std::array<Own, 8> kOwn = {{{"act_order", {"gptq"}},
                                           {"damp_percent", {"gptq"}},
                                           {"true_sequential", {"gptq"}},
                                           {"quant_mse", {"gptq", "rtn"}},
                                           {"duo_scaling", {"awq"}},
                                           {"awq_clip", {"awq"}},
                                           {"group_size", {"awq", "gptq", "rtn"}},
                                           {"quant_dynamic", {"gptq", "rtn", "awq"}}}};
  for (const Own& own : kOwn) {
    const bool reads =
        std::find(own.methods.begin(), own.methods.end(), *task.quant_method) != own.methods.end();
    if (reads || !task.is_set(own.key)) continue;
    refuse(task, own.key,
           base::cat(own.key, " and quant_method: ", *task.quant_method, " exclude each other: ", own.key,
                     " is for ", own.methods.front()),
           base::cat("remove ", own.key));
  }
}

void check_form(const Task& task, const Method& method) {
  const std::string& format = *task.quant_format;
  if (std::find(method.formats.begin(), method.formats.end(), format) == method.formats.end()) {
    std::string known;
    for (const auto name : method.formats) known += (known.empty() ? "" : ", ") + std::string(name);
    refuse(task, "quant_format",
           base::cat("quant_format: ", format, " and quant_method: ", method.name, " exclude each other"),
           "formats of " + std::string(method.name) + ": " + known);
  }
  if (format == "awq" && *task.quant_bits != 4)
    refuse(task, "quant_bits",
           base::cat("quant_bits: ", *task.quant_bits, " and quant_format: awq: it has 4 bits"));
  if (format == "awq" && *task.quant_sym)
    refuse(task, "quant_sym", "quant_sym: true and quant_format: awq exclude each other",
           "the format has zero points; remove quant_sym");
  if (format == "compressed-tensors" && *task.quant_bits != 4 && *task.quant_bits != 8)
    refuse(
        task, "quant_bits",
        base::cat("quant_bits: ", *task.quant_bits, " and quant_format: compressed-tensors: it has 4 or 8"));
  if (!task.quant_dynamic.empty() && !format.starts_with("gptq"))
    refuse(task, "quant_dynamic",
           base::cat("quant_dynamic and quant_format: ", format,
                     " exclude each other: the format has one set ", "of settings for all modules"),
           "use quant_format: gptq, or modules_to_not_convert");
  if (task.act_order == "group" && format == "compressed-tensors")
    refuse(task, "act_order", "act_order: group and quant_format: compressed-tensors exclude each other",
           "use act_order: static, or quant_format: gptq");
}

void check_sizes(const Task& task, const Method& method) {
  if (std::find(method.bits.begin(), method.bits.end(), *task.quant_bits) == method.bits.end()) {
    std::string known;
    for (const auto bits : method.bits) known += (known.empty() ? "" : ", ") + std::to_string(bits);
    refuse(
        task, "quant_bits",
        base::cat("quant_bits: ", *task.quant_bits, " and quant_method: ", method.name, ": it has ", known));
  }
  constexpr std::array<int64_t, 4> kGroups = {-1, 32, 64, 128};
  if (std::find(kGroups.begin(), kGroups.end(), task.group_size) == kGroups.end())
    refuse(task, "group_size", base::cat("group_size: ", task.group_size, " is not supported"),
           "use 32, 64, 128, or -1 for a whole row");
}

}  // namespace

bool quantizes(const Task& task) {
  return task.quant_method && *task.quant_method != "bnb";
}

bool writes_gguf(const Task& task) {
  return task.export_format == "gguf";
}

void resolve_export_format(Task& task) {
  if (task.to_ollama && !writes_gguf(task)) {
    if (task.is_set("export_format"))
      refuse(task, "export_format", "export_format: safetensors and to_ollama: true exclude each other",
             "remove export_format");
    task.export_format = "gguf";
    task.origins.insert_or_assign("export_format", Origin::derived());
  }
  if (!writes_gguf(task) && task.is_set("gguf_type"))
    refuse(task, "gguf_type", "gguf_type needs export_format: gguf", "set export_format: gguf");
  if (writes_gguf(task) && quantizes(task)) {
    refuse(task, "quant_method",
           "quant_method: " + *task.quant_method + " and export_format: gguf exclude each other",
           "gguf_type says how a GGUF file is quantized; remove quant_method");
  }
}

void resolve_quantization(Task& task) {
  if (!quantizes(task)) return;
  const auto derive = [&](const char* key) { task.origins.insert_or_assign(key, Origin::derived()); };
  const Method& method = method_of(task);
  if (!task.quant_bits) task.quant_bits = method.default_bits, derive("quant_bits");
  if (!task.quant_format)
    task.quant_format = default_format(method, *task.quant_bits), derive("quant_format");
  if (!task.quant_sym)
    task.quant_sym = method.name != "awq" && task.quant_format != "awq", derive("quant_sym");
  // Perplexity takes a small part of the time of calibration.
  if (!task.quant_eval_samples)
    task.quant_eval_samples = std::clamp<int64_t>(task.quant_n_samples / 4, 16, 64),
    derive("quant_eval_samples");
  check_own_settings(task);
  check_sizes(task, method);
  check_form(task, method);
  const bool calibrates = method.name == "awq" || method.name == "gptq";
  if (calibrates && task.dataset.empty()) {
    refuse(task, "quant_method",
           base::cat("quant_method: ", method.name, " needs a dataset to calibrate with"),
           "set dataset: some hundred texts like those the model will see; quant_method: rtn needs none");
  }
}

}  // namespace swift::config
