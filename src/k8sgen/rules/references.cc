// Secrets and config maps: what they hold, and what refers to them.
#include <fmt/format.h>

#include "k8sgen/names.h"
#include "k8sgen/rules/rules.h"

namespace swift::k8sgen::rules {
namespace {

constexpr size_t kLargestConfigMap = 1024 * 1024;

void need_name(const Place& name, std::string_view what, Findings& findings) {
  if (name.text().empty())
    findings.add(name, fmt::format("no name of the {}; write it", what));
  else if (const auto fault = subdomain_fault(name.text()))
    findings.add(name, fmt::format("{}: {}", name.shown(), *fault));
}

void need_key(const Place& key, std::string_view what, Findings& findings) {
  if (key.text().empty())
    findings.add(key, fmt::format("no key within the {}; write which of its entries is meant", what));
  else if (const auto fault = data_key_fault(key.text()))
    findings.add(key, fmt::format("{}: {}", key.shown(), *fault));
}

void check_items(const Place& source, std::string_view what, Findings& findings) {
  for (const Place& item : source.key("items").items()) {
    need_key(item.key("key"), what, findings);
    const std::string path = item.text("path");
    if (path.empty() || path[0] == '/' || path.substr(0, 2) == "..")
      findings.add(item.key("path"),
                   fmt::format("{} is no path within the volume; write a relative one without '..'",
                               item.key("path").shown()));
  }
}

struct Reference {
  Place name;
  std::vector<Place> keys;
};

// What a pod takes from config maps: variables, environments and volumes.
std::vector<Reference> config_map_references_of(const Pod& pod) {
  std::vector<Reference> found;
  for (const Place& container : pod.containers) {
    for (const Place& variable : container.key("env").items()) {
      const Place reference = variable.at("valueFrom.configMapKeyRef");
      if (reference.exists()) found.push_back({reference.key("name"), {reference.key("key")}});
    }
    for (const Place& source : container.key("envFrom").items())
      if (source.key("configMapRef").exists()) found.push_back({source.at("configMapRef.name"), {}});
  }
  const auto add = [&](const Place& source) {
    if (!source.exists()) return;
    Reference reference{source.key("name"), {}};
    for (const Place& item : source.key("items").items()) reference.keys.push_back(item.key("key"));
    found.push_back(std::move(reference));
  };
  for (const Place& volume : pod.spec.key("volumes").items()) {
    add(volume.key("configMap"));
    for (const Place& source : volume.at("projected.sources").items()) add(source.key("configMap"));
  }
  return found;
}

// Whether a name is the base name of the object's task, or begins with it.
bool is_ours(std::string_view name, const Object& object) {
  const Node* labels = object.root.at("metadata.labels");
  const Node* instance = labels != nullptr ? labels->find("app.kubernetes.io/instance") : nullptr;
  if (instance == nullptr || !instance->is_text() || instance->text().empty()) return false;
  const std::string& base = instance->text();
  return name.substr(0, base.size()) == base && (name.size() == base.size() || name[base.size()] == '-');
}

}  // namespace

void no_secrets(const Set& set, Findings& findings) {
  for (const Place& root : set.of("Secret"))
    findings.add(
        root,
        "manifests hold no Secret, as kubectl apply copies its data into an annotation; make it with "
        "kubectl create secret and refer to it by name and key");
}

void variables(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods)
    for (const Place& container : pod.containers)
      for (const Place& variable : container.key("env").items()) {
        const Place value = variable.key("value"), from = variable.key("valueFrom");
        if (value.exists() && from.exists())
          findings.add(variable, fmt::format("{} has both value and valueFrom; write one",
                                             variable.key("name").shown()));
        if (value.exists() && !value.node()->is_text())
          findings.add(value, fmt::format("the value of {} is no text; write it in quotes",
                                          variable.key("name").shown()));
        if (from.exists() && from.node()->keys().size() != 1)
          findings.add(from, fmt::format("{} has {} sources; write exactly one", variable.key("name").shown(),
                                         from.node()->keys().size()));
      }
}

void secret_references(const Set& set, Findings& findings) {
  for (const char* kind : {"secretKeyRef", "configMapKeyRef"}) {
    const std::string_view what = std::string_view(kind) == "secretKeyRef" ? "Secret" : "ConfigMap";
    for (const Place& reference : set.named(kind)) {
      need_name(reference.key("name"), what, findings);
      need_key(reference.key("key"), what, findings);
    }
  }
  for (const Place& reference : set.named("secretRef")) need_name(reference.key("name"), "Secret", findings);
  for (const Place& reference : set.named("configMapRef"))
    need_name(reference.key("name"), "ConfigMap", findings);
  for (const Pod& pod : set.pods)
    for (const Place& volume : pod.spec.key("volumes").items()) {
      const Place secret = volume.key("secret"), config = volume.key("configMap");
      if (secret.exists()) need_name(secret.key("secretName"), "Secret", findings);
      if (config.exists()) need_name(config.key("name"), "ConfigMap", findings);
      check_items(secret, "Secret", findings);
      check_items(config, "ConfigMap", findings);
      for (const Place& source : volume.at("projected.sources").items())
        for (const char* kind : {"secret", "configMap"}) {
          const std::string_view what = std::string_view(kind) == "secret" ? "Secret" : "ConfigMap";
          if (source.key(kind).exists()) need_name(source.key(kind).key("name"), what, findings);
          check_items(source.key(kind), what, findings);
        }
    }
}

void config_maps(const Set& set, Findings& findings) {
  for (const Place& root : set.of("ConfigMap")) {
    size_t total = 0;
    for (const char* part : {"data", "binaryData"})
      for (const Place& entry : root.key(part).items()) {
        if (const auto fault = data_key_fault(entry.last_key()))
          findings.add(entry, fmt::format("the key '{}': {}", entry.last_key(), *fault));
        if (!entry.node()->is_text())
          findings.add(entry, fmt::format("{} is no text; write it in quotes", entry.shown()));
        total += entry.last_key().size() + entry.text().size();
      }
    if (total > kLargestConfigMap)
      findings.add(root.key("data"),
                   fmt::format("{} bytes; a ConfigMap holds at most {}: shorten the task file or keep "
                               "what is long on a volume",
                               total, kLargestConfigMap));
  }
}

void config_map_references(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods)
    for (const Reference& reference : config_map_references_of(pod)) {
      const Object& owner = pod.spec.object();
      const auto map = set.find("ConfigMap", reference.name.text(), owner);
      if (!map && is_ours(reference.name.text(), owner))
        findings.add(reference.name,
                     fmt::format("ConfigMap {} is not in this set, although its name is this task's; "
                                 "the pods would wait for it: name one that is",
                                 reference.name.shown()));
      if (!map) continue;
      for (const Place& key : reference.keys)
        if (!map->key("data").key(key.text()).exists() && !map->key("binaryData").key(key.text()).exists())
          findings.add(key, fmt::format("{} is no key of ConfigMap {}; name one of its keys", key.shown(),
                                        reference.name.shown()));
    }
}

}  // namespace swift::k8sgen::rules
