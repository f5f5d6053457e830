// Scraping of the serving pods by the Prometheus Operator (monitoring.coreos.com/v1).
#include "k8sgen/kinds.h"

namespace swift::k8sgen {

Node pod_monitor(const Plan& plan) {
  const Node interval = Node(plan.deploy.monitoring.interval).from("/deploy/monitoring/interval");
  return object(plan, "monitoring.coreos.com/v1", "PodMonitor", plan.name, kInference)
      .set("spec", map({{"selector", map({{"matchLabels", selector(plan, kInference)}})},
                        {"podMetricsEndpoints",
                         list({map({{"port", "http"}, {"path", "/metrics"}, {"interval", interval}})})}}));
}

}  // namespace swift::k8sgen
