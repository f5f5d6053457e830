// Replicas, rollouts, autoscaling and disruption of what serves.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "k8sgen/rules/rules.h"

namespace swift::k8sgen::rules {
namespace {

void at_least(const Place& place, int64_t lowest, Findings& findings) {
  const auto value = place.integer();
  if (value && *value < lowest)
    findings.add(place, fmt::format("{} is below {}; write {} or more", *value, lowest, lowest));
}

// A count or a percentage, as a number.
std::optional<int64_t> amount(const Place& place) {
  if (const auto count = place.integer()) return count;
  const std::string text = place.text();
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || std::string_view(end, text.data() + text.size()) != "%") return {};
  return value;
}

void check_amount(const Place& place, Findings& findings) {
  if (!place.exists()) return;
  const auto value = amount(place);
  if (!value || *value < 0)
    findings.add(
        place, fmt::format("{} is neither a count nor a percentage; write a number of 0 or more, or one such "
                           "as '25%'",
                           place.shown()));
}

void check_rolling(const Place& rolling, Findings& findings) {
  const Place surge = rolling.key("maxSurge"), unavailable = rolling.key("maxUnavailable");
  check_amount(surge, findings);
  check_amount(unavailable, findings);
  if (amount(surge) == 0 && amount(unavailable) == 0)
    findings.add(unavailable,
                 "maxSurge and maxUnavailable are both 0, so that no pod could ever be replaced; set "
                 "maxUnavailable to 1 where accelerators are scarce, or maxSurge to 1");
  if (unavailable.node() != nullptr && unavailable.node()->is_text() && amount(unavailable).value_or(0) > 100)
    findings.add(unavailable, fmt::format("{} is above 100%; write at most that", unavailable.shown()));
}

void check_metrics(const Place& root, Findings& findings) {
  const Place metrics = root.at("spec.metrics");
  if (metrics.items().empty())
    findings.add(metrics,
                 "no metric; name at least one, or the autoscaler falls back to CPU, which says nothing of a "
                 "server on accelerators");
}

void check_behavior(const Place& behavior, Findings& findings) {
  for (const char* direction : {"scaleUp", "scaleDown"}) {
    const Place rules = behavior.key(direction);
    const auto window = rules.integer("stabilizationWindowSeconds");
    if (window && (*window < 0 || *window > 3600))
      findings.add(rules.key("stabilizationWindowSeconds"), fmt::format("{} is outside 0-3600", *window));
    for (const Place& policy : rules.key("policies").items()) {
      const auto period = policy.integer("periodSeconds");
      if (period && (*period < 1 || *period > 1800))
        findings.add(policy.key("periodSeconds"), fmt::format("{} is outside 1-1800", *period));
      at_least(policy.key("value"), 1, findings);
    }
  }
}

}  // namespace

void replicas(const Set& set, Findings& findings) {
  for (const char* type : {"Deployment", "LeaderWorkerSet"})
    for (const Place& root : set.of(type)) {
      at_least(root.at("spec.replicas"), 0, findings);
      at_least(root.at("spec.revisionHistoryLimit"), 0, findings);
      at_least(root.at("spec.minReadySeconds"), 0, findings);
    }
  for (const Place& root : set.of("LeaderWorkerSet"))
    at_least(root.at("spec.leaderWorkerTemplate.size"), 1, findings);
  for (const Place& root : set.of("Deployment")) {
    const auto ready = root.integer("spec.minReadySeconds");
    const Place deadline = root.at("spec.progressDeadlineSeconds");
    if (ready && *ready >= deadline.integer().value_or(600))
      findings.add(deadline,
                   fmt::format("{} is not above minReadySeconds {}; write more", deadline.shown(), *ready));
  }
}

void rollouts(const Set& set, Findings& findings) {
  for (const Place& root : set.of("Deployment")) {
    const Place strategy = root.at("spec.strategy"), rolling = strategy.key("rollingUpdate");
    if (strategy.text("type") == "Recreate" && rolling.exists())
      findings.add(rolling,
                   "the type Recreate stops all pods at once and takes no rollingUpdate; leave it out");
    check_rolling(rolling, findings);
  }
  for (const Place& root : set.of("LeaderWorkerSet"))
    check_rolling(root.at("spec.rolloutStrategy.rollingUpdateConfiguration"), findings);
}

void scaled_replicas(const Set& set, Findings& findings) {
  for (const char* type : {"HorizontalPodAutoscaler", "ScaledObject"})
    for (const Place& root : set.of(type)) {
      const Place target = root.at("spec.scaleTargetRef");
      const std::string kind = target.key("kind").exists() ? target.text("kind") : "Deployment";
      const auto scaled = set.find(kind, target.text("name"), root.object());
      if (scaled && scaled->at("spec.replicas").exists())
        findings.add(
            scaled->at("spec.replicas"),
            fmt::format(
                "{} beside {} '{}': each apply would undo the autoscaler's choice; leave replicas out",
                scaled->at("spec.replicas").shown(), type, root.object().name()));
    }
}

void autoscalers(const Set& set, Findings& findings) {
  for (const Place& root : set.of("HorizontalPodAutoscaler")) {
    const Place least = root.at("spec.minReplicas"), most = root.at("spec.maxReplicas");
    at_least(least, 1, findings);
    at_least(most, 1, findings);
    const int64_t low = least.integer().value_or(1);
    if (most.integer() && low >= 1 && low > *most.integer() && *most.integer() >= 1)
      findings.add(least, fmt::format("the minimum {} is above the maximum {}; lower one or raise the other",
                                      low, *most.integer()));
    check_metrics(root, findings);
    check_behavior(root.at("spec.behavior"), findings);
  }
}

void scaled_objects(const Set& set, Findings& findings) {
  for (const Place& root : set.of("ScaledObject")) {
    const Place least = root.at("spec.minReplicaCount"), most = root.at("spec.maxReplicaCount");
    at_least(least, 0, findings);
    at_least(most, 1, findings);
    const int64_t low = least.integer().value_or(0), high = most.integer().value_or(100);
    if (low > high)
      findings.add(least, fmt::format("the minimum {} is above the maximum {}; lower one or raise the other",
                                      low, high));
    const Place idle = root.at("spec.idleReplicaCount");
    if (idle.integer() && *idle.integer() >= low)
      findings.add(idle,
                   fmt::format("{} is not below minReplicaCount {}; KEDA wants fewer replicas when idle",
                               *idle.integer(), low));
    for (const char* key : {"pollingInterval", "cooldownPeriod"})
      at_least(root.key("spec").key(key), 0, findings);
    if (root.at("spec.triggers").items().empty())
      findings.add(root.at("spec.triggers"), "no trigger; name what the number of replicas follows");
  }
}

void disruption_budgets(const Set& set, Findings& findings) {
  for (const Place& root : set.of("PodDisruptionBudget")) {
    const Place least = root.at("spec.minAvailable"), most = root.at("spec.maxUnavailable");
    check_amount(least, findings);
    check_amount(most, findings);
    if (least.exists() == most.exists())
      findings.add(most, least.exists() ? "both minAvailable and maxUnavailable; write one"
                                        : "neither minAvailable nor maxUnavailable; write maxUnavailable");
    if (amount(most) == 0)
      findings.add(most,
                   fmt::format("{} forbids every eviction, so that nodes cannot be drained; write 1 or more",
                               most.shown()));
  }
}

}  // namespace swift::k8sgen::rules
