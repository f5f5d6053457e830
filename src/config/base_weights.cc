#include "config/base_weights.h"

#include <algorithm>
#include <sstream>

#include "base/file.h"
#include "base/format.h"

namespace swift::config {
namespace {

[[noreturn]] void refuse(const Task& task, const std::string& key, const std::string& message,
                         const std::string& hint = {}) {
  const auto found = task.origins.find(key);
  throw base::Error(base::ExitCode::usage, message,
                    found == task.origins.end() ? base::Location{} : found->second.where, hint);
}

void check_bits(const Task& task) {
  if (!task.quant_bits)
    refuse(task, "quant_method", "quant_method: bnb needs quant_bits", "set quant_bits: 4 (QLoRA) or 8");
  if (*task.quant_bits != 4 && *task.quant_bits != 8)
    refuse(task, "quant_bits",
           base::cat("quant_bits: ", *task.quant_bits, " and quant_method: bnb: bnb has 4 or 8"));
  if (*task.quant_bits == 4) return;
  for (const char* key : {"bnb_4bit_quant_type", "bnb_4bit_use_double_quant"}) {
    if (task.is_set(key))
      refuse(task, key, std::string(key) + " and quant_bits: 8 exclude each other: it is about 4-bit weights",
             "set quant_bits: 4, or remove " + std::string(key));
  }
}

void check_training(const Task& task) {
  const std::string& method = *task.quant_method;
  if (method != "bnb") {
    refuse(task, "quant_method", "quant_method: " + method + " is for export; training takes bnb",
           "set quant_method: bnb and quant_bits: 4, or remove quant_method");
  }
  const std::string bnb = " and quant_method: bnb exclude each other: ";
  if (task.train_from_scratch)
    refuse(task, "train_from_scratch", "train_from_scratch" + bnb + "quantized weights are frozen");
  if (task.tuner_type == "full")
    refuse(task, "quant_method", "tuner_type: full" + bnb + "quantized weights are frozen",
           "set tuner_type: lora; Q-GaLore (optim: q_galore) trains all weights in 8 bits");
  if (task.init_weights.starts_with("pissa"))
    refuse(task, "init_weights",
           "init_weights: " + task.init_weights + bnb +
               "PiSSA changes the weights, which are then quantized anew",
           "use init_weights: true");
}

bool names_file(const std::string& entry) {
  return entry.size() > 4 && entry.ends_with(".txt") && entry.find('\n') == std::string::npos;
}

std::vector<std::string> lines_of(const std::string& file) {
  std::vector<std::string> found;
  std::istringstream in(base::read_file(file, base::ExitCode::usage));
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) found.push_back(line);
  }
  return found;
}

}  // namespace

void check_quantization(const Task& task, bool training) {
  if (!task.quant_method) {
    if (training && task.quant_bits)
      refuse(task, "quant_bits", "quant_bits needs quant_method", "set quant_method: bnb");
    return;
  }
  if (training) check_training(task);
  if (*task.quant_method == "bnb") check_bits(task);
}

void read_new_tokens(Task& task) {
  const auto origin = task.origins.find("new_special_tokens");
  const bool resolved = origin != task.origins.end() && origin->second.source == Source::args_json;
  std::vector<std::string> tokens;
  for (const std::string& entry : task.new_special_tokens) {
    if (entry.empty()) refuse(task, "new_special_tokens", "new_special_tokens: a token is empty");
    const bool file = !resolved && names_file(entry);
    const auto listed = file ? lines_of(entry) : std::vector{entry};
    if (listed.empty())
      refuse(task, "new_special_tokens", "new_special_tokens: '" + entry + "' has no token",
             "one token a line");
    for (const std::string& token : listed) {
      if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
    }
  }
  task.new_special_tokens = std::move(tokens);
}

}  // namespace swift::config
