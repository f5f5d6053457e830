#include "objects.h"

using namespace swift::k8sgen;

TEST_CASE("a Deployment selects its own pods") {
  check_cases(serving(), {{"Deployment", "/spec/selector",
                           R"({"matchLabels": {"app.kubernetes.io/name": "web", "role": "x"}})",
                           "workload_selectors: Deployment 'web' spec.selector.matchLabels.role: 'x': the "
                           "pod template has no such label; a selector is a subset of the template's labels"},
                          {"Deployment", "/spec/selector", "{}",
                           "workload_selectors: Deployment 'web' spec.selector: an empty selector; name "
                           "labels of the pod template"}});
}

TEST_CASE("Services, budgets and policies select pods of the set") {
  check_cases(
      serving(),
      {{"Service", "/spec/selector", R"({"app": "other"})",
        "service_selectors: Service 'web' spec.selector: 'app=other' matches no pod of this set in namespace "
        "'llm'; use the labels of a pod template"},
       {"PodDisruptionBudget", "/spec/selector", R"({"matchLabels": {"app": "other"}})",
        "policy_selectors: PodDisruptionBudget 'web' spec.selector: 'app=other' matches no pod of this set "
        "in namespace 'llm'; use the labels of a pod template"},
       {"PodDisruptionBudget", "/spec/selector", R"({"matchLabels": {}})",
        "policy_selectors: PodDisruptionBudget 'web' spec.selector: an empty selector covers every pod of "
        "the namespace; name labels of the pod template"},
       {"PodDisruptionBudget", "/spec/selector",
        R"({"matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "NotIn", "values": ["web"]}]})",
        "policy_selectors: PodDisruptionBudget 'web' spec.selector: '' matches no pod of this set in "
        "namespace 'llm'; use the labels of a pod template"},
       {"NetworkPolicy", "/spec/podSelector", R"({"matchLabels": {"app": "other"}})",
        "policy_selectors: NetworkPolicy 'web' spec.podSelector: 'app=other' matches no pod of this set in "
        "namespace 'llm'; use the labels of a pod template"},
       {"Deployment", "/spec/template/spec/topologySpreadConstraints",
        R"([{"maxSkew": 0, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": {"a": "b"}}}])",
        "spread_selectors: Deployment 'web' spec.template.spec.topologySpreadConstraints[0].labelSelector: "
        "does not match the pod itself, so that the constraint counts others; use the labels of the pod "
        "template\n"
        "spread_selectors: Deployment 'web' spec.template.spec.topologySpreadConstraints[0].maxSkew: 0 is "
        "below 1"}});
  check_cases(two_nodes(),
              {{"Service", "/spec/selector", R"({"batch.kubernetes.io/job-name": "train"})",
                "service_selectors: Service 'train' spec.selector: 'batch.kubernetes.io/job-name=train' "
                "matches no pod of this set in namespace 'llm'; use the labels of a pod template"}});
}

TEST_CASE("an autoscaler names an object of the set") {
  check_cases(serving(),
              {{"HorizontalPodAutoscaler", "/spec/scaleTargetRef/name", R"("other")",
                "scale_targets: HorizontalPodAutoscaler 'web' spec.scaleTargetRef.name: Deployment 'other' "
                "is not in this set; name the object whose replicas it governs"}});
}
