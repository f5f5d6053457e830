// What points at pods or at other objects of the set.
#include <fmt/format.h>

#include "k8sgen/rules/rules.h"

namespace swift::k8sgen::rules {
namespace {

using Matches = std::function<bool(const Labels&)>;

void check_selects(const Set& set, const Place& selector, const Matches& matches, Findings& findings) {
  bool foreign = false;
  if (!set.selected(matches, selector.object(), foreign).empty() || foreign) return;
  std::string wanted;
  const Place labels = selector.key("matchLabels").exists() ? selector.key("matchLabels") : selector;
  for (const Place& label : labels.items())
    if (label.node()->is_text())
      wanted += fmt::format("{}{}={}", wanted.empty() ? "" : ", ", label.last_key(), label.text());
  findings.add(selector,
               fmt::format("'{}' matches no pod of this set in namespace '{}'; use the labels of a pod "
                           "template",
                           wanted, namespace_of(selector.object())));
}

bool is_empty(const Place& selector) {
  return selector.key("matchLabels").items().empty() && selector.key("matchExpressions").items().empty();
}

void check_label_selector(const Set& set, const Place& selector, Findings& findings) {
  check_selects(
      set, selector, [&](const Labels& labels) { return selector_matches(selector, labels); }, findings);
}

}  // namespace

void workload_selectors(const Set& set, Findings& findings) {
  for (const Place& root : set.of("Deployment")) {
    const Place selector = root.at("spec.selector");
    if (is_empty(selector)) {
      findings.add(selector, "an empty selector; name labels of the pod template");
      continue;
    }
    for (const Pod* pod : set.pods_in(root.object())) {
      if (selector_matches(selector, pod->labels)) continue;
      for (const Place& label : selector.key("matchLabels").items()) {
        const auto found = pod->labels.find(label.last_key());
        if (found != pod->labels.end() && found->second == label.text()) continue;
        findings.add(
            label, fmt::format("{}: the pod template has {}; a selector is a subset of the template's labels",
                               label.shown(),
                               found == pod->labels.end() ? "no such label" : "'" + found->second + "'"));
      }
    }
  }
}

void service_selectors(const Set& set, Findings& findings) {
  for (const Place& root : set.of("Service")) {
    const Place selector = root.at("spec.selector");
    if (selector.items().empty()) continue;
    check_selects(
        set, selector, [&](const Labels& labels) { return map_matches(selector, labels); }, findings);
  }
}

void policy_selectors(const Set& set, Findings& findings) {
  for (const Place& root : set.of("PodDisruptionBudget")) {
    const Place selector = root.at("spec.selector");
    if (is_empty(selector))
      findings.add(selector,
                   "an empty selector covers every pod of the namespace; name labels of the pod template");
    else
      check_label_selector(set, selector, findings);
  }
  for (const char* type : {"NetworkPolicy", "PodMonitor"})
    for (const Place& root : set.of(type)) {
      const Place selector =
          root.key("spec").key(std::string_view(type) == "PodMonitor" ? "selector" : "podSelector");
      if (!is_empty(selector)) check_label_selector(set, selector, findings);
    }
}

void spread_selectors(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods)
    for (const Place& constraint : pod.spec.key("topologySpreadConstraints").items()) {
      const Place selector = constraint.key("labelSelector");
      if (!selector_matches(selector, pod.labels))
        findings.add(selector,
                     "does not match the pod itself, so that the constraint counts others; use the labels "
                     "of the pod template");
      const auto skew = constraint.integer("maxSkew");
      if (!skew || *skew < 1)
        findings.add(constraint.key("maxSkew"),
                     fmt::format("{} is below 1", constraint.key("maxSkew").shown()));
    }
}

void scale_targets(const Set& set, Findings& findings) {
  for (const char* type : {"HorizontalPodAutoscaler", "ScaledObject"})
    for (const Place& root : set.of(type)) {
      const Place target = root.at("spec.scaleTargetRef");
      const Place kind = target.key("kind"), name = target.key("name");
      // KEDA's kind is Deployment unless given.
      const std::string wanted = kind.exists() ? kind.text() : "Deployment";
      if (!set.find(wanted, name.text(), root.object()))
        findings.add(name, fmt::format("{} {} is not in this set; name the object whose replicas it governs",
                                       wanted, name.shown()));
    }
}

void role_references(const Set& set, Findings& findings) {
  for (const Place& root : set.of("RoleBinding")) {
    const Place role = root.at("roleRef.name");
    if (root.text("roleRef.kind") == "Role" && !set.find("Role", role.text(), root.object()))
      findings.add(role, fmt::format("Role {} is not in this set; name one that is", role.shown()));
    for (const Place& subject : root.key("subjects").items())
      if (subject.text("kind") == "ServiceAccount" &&
          !set.find("ServiceAccount", subject.text("name"), root.object()))
        findings.add(subject.key("name"),
                     fmt::format("ServiceAccount {} is not in this set; name one that is",
                                 subject.key("name").shown()));
  }
}

}  // namespace swift::k8sgen::rules
