// The task's settings as the file /etc/swift/task.yaml of the pods.
#include "k8sgen/kinds.h"

namespace swift::k8sgen {

Node serving_config_map(const Plan& plan) {
  return object(plan, "v1", "ConfigMap", serving_config(plan), kInference)
      .set("data", map({{"task.yaml", plan.config_text}}));
}

Node training_config_map(const Plan& plan) {
  return object(plan, "v1", "ConfigMap", training_config(plan), kTraining)
      .set("data", map({{"task.yaml", plan.config_text}}))
      .set_if(!plan.run_hash.empty(), "immutable", true);
}

}  // namespace swift::k8sgen
