#include "config/device.h"

#include <charconv>
#include <utility>

#include "base/error.h"

namespace swift::config {
namespace {

[[noreturn]] void refuse(const Task& task, const std::string& key, const std::string& what,
                         const std::string& hint) {
  const auto found = task.origins.find(key);
  throw base::Error(base::ExitCode::usage, what,
                    found == task.origins.end() ? base::Location{} : found->second.where, hint);
}

DeviceChoice parse(const Task& task) {
  using Kind = DeviceChoice::Kind;
  const std::string& text = task.device;
  if (text == "auto") return {};
  if (text == "cpu") return {Kind::cpu, 0};
  if (text == "cuda") return {Kind::cuda, 0};
  DeviceChoice choice{Kind::cuda, 0};
  constexpr std::string_view kNumbered = "cuda:";
  if (text.starts_with(kNumbered)) {
    const char* end = text.data() + text.size();
    const auto [stop, fault] = std::from_chars(text.data() + kNumbered.size(), end, choice.index);
    if (fault == std::errc() && stop == end && choice.index >= 0 && choice.index < 128) return choice;
  }
  refuse(task, "device", "device: '" + text + "' is no device", "one of auto, cpu, cuda and cuda:N");
}

}  // namespace

std::string setting_of_cpu(const Task& task) {
  const std::pair<const char*, bool> settings[] = {{"cpu_act: int8", task.cpu_act == "int8"},
                                                   {"lm_head_dtype: int8", task.lm_head_dtype == "int8"},
                                                   {"layout_cache: true", task.layout_cache},
                                                   {"offload_optimizer: true", task.offload_optimizer},
                                                   {"offload_activations: true", task.offload_activations}};
  for (const auto& [name, given] : settings) {
    if (given) return name;
  }
  return "";
}

DeviceChoice device_choice(const Task& task) {
  const DeviceChoice choice = parse(task);
  const std::string other = setting_of_cpu(task);
  if (choice.kind == DeviceChoice::Kind::cuda && !other.empty())
    refuse(task, "device",
           "device: " + task.device + " and " + other + " exclude each other: the latter is the CPU's",
           "remove one of them");
  return choice;
}

}  // namespace swift::config
