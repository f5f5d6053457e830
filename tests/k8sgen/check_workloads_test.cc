#include "objects.h"

using namespace swift::k8sgen;

TEST_CASE("replicas are counted from zero") {
  check_cases(serving(), {{"Deployment", "/spec/minReadySeconds", "-1",
                           "replicas: Deployment 'web' spec.minReadySeconds: -1 is below 0; write 0 or more"},
                          {"Deployment", "/spec/minReadySeconds", "600",
                           "replicas: Deployment 'web' spec.progressDeadlineSeconds: 600 is not above "
                           "minReadySeconds 600; write more"}});
}

TEST_CASE("a rollout can replace pods") {
  check_cases(serving(),
              {{"Deployment", "/spec/strategy/rollingUpdate/maxUnavailable", "0",
                "rollouts: Deployment 'web' spec.strategy.rollingUpdate.maxUnavailable: maxSurge and "
                "maxUnavailable are both 0, so that no pod could ever be replaced; set maxUnavailable to 1 "
                "where accelerators are scarce, or maxSurge to 1"},
               {"Deployment", "/spec/strategy/rollingUpdate/maxUnavailable", R"("0%")",
                "rollouts: Deployment 'web' spec.strategy.rollingUpdate.maxUnavailable: maxSurge and "
                "maxUnavailable are both 0, so that no pod could ever be replaced; set maxUnavailable to 1 "
                "where accelerators are scarce, or maxSurge to 1"},
               {"Deployment", "/spec/strategy/rollingUpdate/maxSurge", R"("some")",
                "rollouts: Deployment 'web' spec.strategy.rollingUpdate.maxSurge: 'some' is neither a count "
                "nor a percentage; write a number of 0 or more, or one such as '25%'"},
               {"Deployment", "/spec/strategy/rollingUpdate/maxUnavailable", R"("101%")",
                "rollouts: Deployment 'web' spec.strategy.rollingUpdate.maxUnavailable: '101%' is above "
                "100%; write at most that"},
               {"Deployment", "/spec/strategy/type", R"("Recreate")",
                "rollouts: Deployment 'web' spec.strategy.rollingUpdate: the type Recreate stops all pods at "
                "once and takes no rollingUpdate; leave it out"}});
}

TEST_CASE("an autoscaled Deployment has no replicas of its own") {
  check_cases(serving(),
              {{"Deployment", "/spec/replicas", "2",
                "scaled_replicas: Deployment 'web' spec.replicas: 2 beside HorizontalPodAutoscaler 'web': "
                "each apply would undo the autoscaler's choice; leave replicas out"}});
}

TEST_CASE("an autoscaler has bounds in order, and metrics") {
  check_cases(serving(),
              {{"HorizontalPodAutoscaler", "/spec/minReplicas", "9",
                "autoscalers: HorizontalPodAutoscaler 'web' spec.minReplicas: the minimum 9 is above the "
                "maximum 8; lower one or raise the other"},
               {"HorizontalPodAutoscaler", "/spec/minReplicas", "0",
                "autoscalers: HorizontalPodAutoscaler 'web' spec.minReplicas: 0 is below 1; write 1 or more"},
               {"HorizontalPodAutoscaler", "/spec/maxReplicas", "0",
                "autoscalers: HorizontalPodAutoscaler 'web' spec.maxReplicas: 0 is below 1; write 1 or more"},
               {"HorizontalPodAutoscaler", "/spec/metrics", "[]",
                "autoscalers: HorizontalPodAutoscaler 'web' spec.metrics: no metric; name at least one, or "
                "the autoscaler falls back to CPU, which says nothing of a server on accelerators"},
               {"HorizontalPodAutoscaler", "/spec/behavior/scaleDown/stabilizationWindowSeconds", "3601",
                "autoscalers: HorizontalPodAutoscaler 'web' "
                "spec.behavior.scaleDown.stabilizationWindowSeconds: 3601 is outside 0-3600"},
               {"HorizontalPodAutoscaler", "/spec/behavior/scaleUp",
                R"({"policies": [{"type": "Pods", "value": 0, "periodSeconds": 60}]})",
                "autoscalers: HorizontalPodAutoscaler 'web' spec.behavior.scaleUp.policies[0].value: 0 is "
                "below 1; write 1 or more"},
               {"HorizontalPodAutoscaler", "/spec/behavior/scaleUp",
                R"({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 0}]})",
                "autoscalers: HorizontalPodAutoscaler 'web' spec.behavior.scaleUp.policies[0].periodSeconds: "
                "0 is outside 1-1800"}});
}

TEST_CASE("a disruption budget has one bound, and lets nodes drain") {
  check_cases(serving(), {{"PodDisruptionBudget", "/spec/minAvailable", "1",
                           "disruption_budgets: PodDisruptionBudget 'web' spec.maxUnavailable: both "
                           "minAvailable and maxUnavailable; write one"},
                          {"PodDisruptionBudget", "/spec/maxUnavailable", "",
                           "disruption_budgets: PodDisruptionBudget 'web' spec.maxUnavailable: neither "
                           "minAvailable nor maxUnavailable; write maxUnavailable"},
                          {"PodDisruptionBudget", "/spec/maxUnavailable", "0",
                           "disruption_budgets: PodDisruptionBudget 'web' spec.maxUnavailable: 0 forbids "
                           "every eviction, so that nodes cannot be drained; write 1 or more"}});
}
