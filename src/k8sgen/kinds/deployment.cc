// The pods that serve, replaced one by one without asking for GPUs that may not be there.
#include "k8sgen/kinds.h"

namespace swift::k8sgen {
namespace {

Node strategy(const Plan& plan) {
  const config::Rollout& rollout = plan.deploy.rollout;
  const std::string mode = plan.deploy.storage.access_mode.value_or("");
  // The volume admits one node: a second pod elsewhere would wait for the first for ever.
  if (!plan.several_replicas() && !plan.claim.empty() && mode.compare(0, 13, "ReadWriteOnce") == 0)
    return Node(map({{"type", "Recreate"}})).from("/deploy/storage/access_mode");
  const bool scarce = plan.deploy.gpus > 0;
  const Node surge = Node(rollout.max_surge.value_or(scarce ? 0 : 1)).from("/deploy/rollout/max_surge");
  const Node lack =
      Node(rollout.max_unavailable.value_or(scarce ? 1 : 0)).from("/deploy/rollout/max_unavailable");
  return map(
      {{"type", "RollingUpdate"}, {"rollingUpdate", map({{"maxSurge", surge}, {"maxUnavailable", lack}})}});
}

}  // namespace

Node deployment(const Plan& plan) {
  Node spec = Node::map();
  // An autoscaler owns the number: naming it here would reset it on every apply.
  spec.set_if(!plan.autoscaled(), "replicas", Node(plan.deploy.replicas).from("/deploy/replicas"));
  spec.set("revisionHistoryLimit", 5);
  spec.set("progressDeadlineSeconds", plan.startup_seconds + 600);
  spec.set("selector", map({{"matchLabels", selector(plan, kInference)}}));
  spec.set("strategy", strategy(plan));
  spec.set("template", serving_pod(plan, Role::single));
  return object(plan, "apps/v1", "Deployment", plan.name, kInference).set("spec", spec);
}

Node serving_reference(const Plan& plan) {
  const bool group = plan.in_groups();
  return map({{"apiVersion", group ? "leaderworkerset.x-k8s.io/v1" : "apps/v1"},
              {"kind", group ? "LeaderWorkerSet" : "Deployment"},
              {"name", plan.name.node()}});
}

}  // namespace swift::k8sgen
