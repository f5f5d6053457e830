#include "k8sgen/parts.h"

namespace swift::k8sgen {
namespace {

Node named_map(const config::StringMap& entries, const std::string& setting) {
  Node node = Node::map();
  for (const auto& [key, value] : entries)
    node.set(key, Node(value).from(setting + "/" + config::pointer_part(key)));
  return node;
}

Node metadata(const Plan& plan, const Chosen& name, const char* component) {
  Node meta = map({{"name", name.node()}});
  meta.set_if(!plan.namespace_.empty(), "namespace", Node(plan.namespace_).from("/deploy/namespace"));
  meta.set("labels", labels(plan, component));
  const Node annotations = named_map(plan.deploy.annotations, "/deploy/annotations");
  meta.set_if(!annotations.empty(), "annotations", annotations);
  return meta;
}

}  // namespace

Node selector(const Plan& plan, const char* component) {
  return map({{"app.kubernetes.io/name", "swift"},
              {"app.kubernetes.io/instance", plan.name.node()},
              {"app.kubernetes.io/component", component}});
}

Node labels(const Plan& plan, const char* component) {
  Node all = selector(plan, component);
  all.set("app.kubernetes.io/part-of", "swift");
  all.set("app.kubernetes.io/managed-by", "swift");
  const auto add = [&](const config::StringMap& own, const std::string& setting) {
    for (const auto& [key, value] : own) {
      const std::string place = setting + "/" + config::pointer_part(key);
      // Ours stay: selectors count on them.
      if (key.compare(0, 18, "app.kubernetes.io/") == 0 && all.find(key) != nullptr) continue;
      all.set(key, Node(value).from(place));
    }
  };
  add(plan.deploy.labels, "/deploy/labels");
  if (std::string_view(component) == kTraining) add(plan.deploy.train.labels, "/deploy/train/labels");
  return all;
}

Node object(const Plan& plan, const char* api_version, const char* kind, const Chosen& name,
            const char* component) {
  return map({{"apiVersion", api_version}, {"kind", kind}, {"metadata", metadata(plan, name, component)}});
}

Node cluster_object(const Plan& plan, const char* api_version, const char* kind, const Chosen& name,
                    const char* component) {
  Node meta = map({{"name", name.node()}, {"labels", labels(plan, component)}});
  const Node annotations = named_map(plan.deploy.annotations, "/deploy/annotations");
  meta.set_if(!annotations.empty(), "annotations", annotations);
  return map({{"apiVersion", api_version}, {"kind", kind}, {"metadata", meta}});
}

Node variable(const std::string& name, const Node& value) {
  return map({{"name", name}, {"value", value}});
}

std::string service_suffix(const Plan& plan, const std::string& service) {
  return "." + service + (plan.namespace_.empty() ? "" : "." + plan.namespace_ + ".svc");
}

Chosen serving_config(const Plan& plan) {
  return {plan.name.text + "-task", plan.name.setting};
}

Chosen training_name(const Plan& plan) {
  return {plan.train_name.text + (plan.run_hash.empty() ? "" : "-" + plan.run_hash), plan.train_name.setting};
}

// A Job's pods may start again at any time, so its file belongs to it alone and never changes.
Chosen training_config(const Plan& plan) {
  return {training_name(plan).text + "-task", plan.train_name.setting};
}

}  // namespace swift::k8sgen
