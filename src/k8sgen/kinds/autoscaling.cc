// Replicas by the number of waiting requests: GPU and CPU load say little about a server that batches.
#include "k8sgen/kinds.h"

namespace swift::k8sgen {
namespace {

std::string metric(const Plan& plan) {
  return plan.deploy.autoscaling.metric.value_or(std::string(backend_of(plan).waiting_metric));
}

// Up by two pods a minute, down by one in five minutes after five calm ones: loading a model costs minutes.
Node behavior() {
  const auto policy = [](int64_t pods, int64_t seconds) {
    return map({{"type", "Pods"}, {"value", pods}, {"periodSeconds", seconds}});
  };
  return map({{"scaleUp", map({{"stabilizationWindowSeconds", 0},
                               {"selectPolicy", "Max"},
                               {"policies", list({policy(2, 60)})}})},
              {"scaleDown", map({{"stabilizationWindowSeconds", 300},
                                 {"selectPolicy", "Max"},
                                 {"policies", list({policy(1, 300)})}})}});
}

}  // namespace

Node horizontal_pod_autoscaler(const Plan& plan) {
  const config::Autoscaling& a = plan.deploy.autoscaling;
  const Node target =
      map({{"type", "AverageValue"},
           {"averageValue", Node(std::to_string(a.target)).from("/deploy/autoscaling/target")}});
  const Node pods = map({{"metric", map({{"name", Node(metric(plan)).from("/deploy/autoscaling/metric")}})},
                         {"target", target}});
  return object(plan, "autoscaling/v2", "HorizontalPodAutoscaler", plan.name, kInference)
      .set("spec", map({{"scaleTargetRef", serving_reference(plan)},
                        {"minReplicas", Node(a.min).from("/deploy/autoscaling/min")},
                        {"maxReplicas", Node(a.max).from("/deploy/autoscaling/max")},
                        {"metrics", list({map({{"type", "Pods"}, {"pods", pods}})})},
                        {"behavior", behavior()}}));
}

Node scaled_object(const Plan& plan) {
  const config::Autoscaling& a = plan.deploy.autoscaling;
  std::string query = "sum(" + metric(plan);
  if (!plan.namespace_.empty()) query += "{namespace=\"" + plan.namespace_ + "\"}";
  const Node trigger =
      map({{"type", "prometheus"},
           {"metricType", "AverageValue"},
           {"metadata",
            map({{"serverAddress", Node(a.prometheus.value_or("")).from("/deploy/autoscaling/prometheus")},
                 {"query", Node(query + ")").from("/deploy/autoscaling/metric")},
                 {"threshold", Node(std::to_string(a.target)).from("/deploy/autoscaling/target")}})}});
  return object(plan, "keda.sh/v1alpha1", "ScaledObject", plan.name, kInference)
      .set("spec",
           map({{"scaleTargetRef", serving_reference(plan)},
                {"pollingInterval", 30},
                {"cooldownPeriod", 600},
                {"minReplicaCount", Node(a.min).from("/deploy/autoscaling/min")},
                {"maxReplicaCount", Node(a.max).from("/deploy/autoscaling/max")},
                {"advanced", map({{"horizontalPodAutoscalerConfig", map({{"behavior", behavior()}})}})},
                {"triggers", list({trigger})}}));
}

}  // namespace swift::k8sgen
