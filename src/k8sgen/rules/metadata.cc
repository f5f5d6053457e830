// Labels, annotations and the maps that choose by labels.
#include <fmt/format.h>

#include "k8sgen/names.h"
#include "k8sgen/rules/rules.h"

namespace swift::k8sgen::rules {
namespace {

// Sum of all keys and values of an object's annotations.
constexpr size_t kLargestAnnotations = 256 * 1024;

void check_labels(const Place& labels, Findings& findings) {
  if (!labels.exists() || !labels.node()->is_map()) return;
  for (const Place& label : labels.items()) {
    if (const auto fault = label_key_fault(label.last_key()))
      findings.add(label, fmt::format("the label key '{}': {}", label.last_key(), *fault));
    if (!label.node()->is_text())
      findings.add(label, fmt::format("{} is no text; write it in quotes", label.shown()));
    else if (const auto value_fault = label_value_fault(label.text()))
      findings.add(label, fmt::format("the label value {}: {}", label.shown(), *value_fault));
  }
}

void check_annotations(const Place& annotations, Findings& findings) {
  size_t total = 0;
  for (const Place& annotation : annotations.items()) {
    std::string key = annotation.last_key();
    // The prefix may have capitals, unlike that of a label.
    for (char& c : key) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    if (const auto fault = label_key_fault(key))
      findings.add(annotation, fmt::format("the annotation key '{}': {}", annotation.last_key(), *fault));
    if (!annotation.node()->is_text())
      findings.add(annotation, fmt::format("{} is no text; write it in quotes", annotation.shown()));
    total += key.size() + annotation.scalar().size();
  }
  if (total > kLargestAnnotations)
    findings.add(annotations, fmt::format("{} bytes of annotations; at most {} are allowed; shorten them",
                                          total, kLargestAnnotations));
}

}  // namespace

void labels(const Set& set, Findings& findings) {
  for (const char* key : {"labels", "matchLabels", "nodeSelector"})
    for (const Place& place : set.named(key)) check_labels(place, findings);
  for (const Place& root : set.of("Service")) check_labels(root.at("spec.selector"), findings);
}

void annotations(const Set& set, Findings& findings) {
  for (const Place& place : set.named("annotations")) check_annotations(place, findings);
}

void tolerations(const Set& set, Findings& findings) {
  for (const Place& toleration : set.named("tolerations"))
    for (const Place& item : toleration.items()) {
      const Place key = item.key("key"), rule = item.key("operator"), effect = item.key("effect");
      if (!key.text().empty()) {
        if (const auto fault = label_key_fault(key.text()))
          findings.add(key, fmt::format("{}: {}", key.shown(), *fault));
      } else if (rule.text() != "Exists") {
        findings.add(item, "no key; only the operator Exists tolerates every taint");
      }
      if (rule.exists() && rule.text() != "Exists" && rule.text() != "Equal")
        findings.add(rule,
                     fmt::format("{} is no operator of a toleration; write Exists or Equal", rule.shown()));
      if (rule.text() == "Exists" && !item.key("value").scalar().empty())
        findings.add(item.key("value"),
                     fmt::format("{}: the operator Exists takes no value; leave it out or write "
                                 "Equal",
                                 item.key("value").shown()));
      const std::string named = effect.text();
      if (effect.exists() && named != "NoSchedule" && named != "PreferNoSchedule" && named != "NoExecute")
        findings.add(effect, fmt::format("{} is no effect; write NoSchedule, PreferNoSchedule or NoExecute",
                                         effect.shown()));
      if (item.key("tolerationSeconds").exists() && named != "NoExecute")
        findings.add(item.key("tolerationSeconds"), "only the effect NoExecute has seconds; leave them out");
    }
}

}  // namespace swift::k8sgen::rules
