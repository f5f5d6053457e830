// One model over several pods (leaderworkerset.x-k8s.io/v1). The controller sets LWS_LEADER_ADDRESS,
// LWS_GROUP_SIZE and LWS_WORKER_INDEX before our variables, so the arguments may refer to them.
#include "k8sgen/kinds.h"

namespace swift::k8sgen {

Node leader_worker_set(const Plan& plan) {
  const config::Rollout& rollout = plan.deploy.rollout;
  const Node update =
      map({{"maxSurge", Node(rollout.max_surge.value_or(0)).from("/deploy/rollout/max_surge")},
           {"maxUnavailable",
            Node(rollout.max_unavailable.value_or(1)).from("/deploy/rollout/max_unavailable")}});
  Node spec = Node::map();
  spec.set_if(!plan.autoscaled(), "replicas", Node(plan.deploy.replicas).from("/deploy/replicas"));
  spec.set("startupPolicy", "LeaderCreated");
  spec.set("rolloutStrategy", map({{"type", "RollingUpdate"}, {"rollingUpdateConfiguration", update}}));
  // A group without one of its pods can do nothing.
  spec.set("leaderWorkerTemplate", map({{"size", Node(plan.deploy.nodes).from("/deploy/nodes")},
                                        {"restartPolicy", "RecreateGroupOnPodRestart"},
                                        {"leaderTemplate", serving_pod(plan, Role::leader)},
                                        {"workerTemplate", serving_pod(plan, Role::worker)}}));
  return object(plan, "leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", plan.name, kInference)
      .set("spec", spec);
}

}  // namespace swift::k8sgen
