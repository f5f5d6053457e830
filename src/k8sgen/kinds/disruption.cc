// Node drains take one serving pod at a time. Only with several: a budget over one pod would block every
// drain.
#include "k8sgen/kinds.h"

namespace swift::k8sgen {

Node pod_disruption_budget(const Plan& plan) {
  Node spec = map({{"maxUnavailable", 1}, {"selector", map({{"matchLabels", selector(plan, kInference)}})}});
  // A pod that never became ready must not block a drain.
  spec.set_if(plan.version.at_least(kUnhealthyPodEviction), "unhealthyPodEvictionPolicy", "AlwaysAllow");
  return object(plan, "policy/v1", "PodDisruptionBudget", plan.name, kInference).set("spec", spec);
}

}  // namespace swift::k8sgen
