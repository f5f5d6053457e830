#include "k8sgen/canonical.h"

#include "config/serialize.h"
#include "k8sgen/emit.h"

namespace swift::k8sgen {
namespace {

std::string scalar(const base::Json& value) {
  if (value.is_string()) return k8sgen::quoted(value.get<std::string>());
  return value.dump();
}

}  // namespace

std::string canonical_task(const config::Task& task) {
  std::string text;
  const base::Json whole = config::to_json(task);
  for (const auto& [key, value] : whole.items()) {
    if (key == "deploy" || !task.is_set(key) || value.is_null()) continue;
    if (!value.is_array()) {
      text += key + ": " + scalar(value) + "\n";
      continue;
    }
    text += key + ":" + (value.empty() ? " []\n" : "\n");
    for (const base::Json& item : value) text += "  - " + scalar(item) + "\n";
  }
  return text.empty() ? "{}\n" : text;
}

}  // namespace swift::k8sgen
