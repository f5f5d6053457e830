// ServiceAccounts without any right, so that pods do not run as "default".
#include "k8sgen/kinds.h"

namespace swift::k8sgen {

Node service_account(const Plan& plan) {
  return object(plan, "v1", "ServiceAccount", plan.name, kInference)
      .set("automountServiceAccountToken", false);
}

Node training_account(const Plan& plan) {
  return object(plan, "v1", "ServiceAccount", plan.train_name, kTraining)
      .set("automountServiceAccountToken", false);
}

}  // namespace swift::k8sgen
