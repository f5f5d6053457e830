// Services: one in front of the serving pods, and a headless one by which training pods find each other.
#include "k8sgen/kinds.h"

namespace swift::k8sgen {

Node service(const Plan& plan) {
  Node chosen = selector(plan, kInference);
  // Of a group that serves one model only the leader answers.
  if (plan.in_groups()) chosen.set("swift/role", "leader");
  return object(plan, "v1", "Service", plan.service_name, kInference)
      .set("spec",
           map({{"type", "ClusterIP"},
                {"selector", chosen},
                {"ports", list({map({{"name", "http"},
                                     {"port", Node(plan.deploy.service.port).from("/deploy/service/port")},
                                     {"targetPort", "http"},
                                     {"protocol", "TCP"}})})}}));
}

// Pods must resolve each other before they are ready: the rendezvous comes first. Without a virtual address a
// Service needs no ports.
Node rendezvous_service(const Plan& plan) {
  return object(plan, "v1", "Service", plan.train_name, kTraining)
      .set("spec", map({{"type", "ClusterIP"},
                        {"clusterIP", "None"},
                        {"publishNotReadyAddresses", true},
                        {"selector", selector(plan, kTraining)}}));
}

}  // namespace swift::k8sgen
