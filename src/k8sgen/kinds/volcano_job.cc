// Training under Volcano (batch.volcano.sh/v1alpha1): all pods are scheduled together or none. Its pytorch
// plugin sets MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE, the last two by pods; svc makes their names
// resolve.
#include "base/error.h"
#include "k8sgen/kinds.h"
#include "k8sgen/training.h"

namespace swift::k8sgen {
namespace {

Node task(const Plan& plan, const char* name, int64_t count) {
  return map({{"name", name},
              {"replicas", Node(count).from("/deploy/train/nodes")},
              {"template", training_pod(plan, kContainer, rendezvous(plan, "", 0), training_config(plan))}});
}

Node on(const char* event, const char* action) {
  return map({{"event", event}, {"action", action}});
}

// A mistake in the task, the data or the model comes out the same every time.
Node policies() {
  Node all = list({on("PodEvicted", "RestartJob")});
  for (const base::ExitCode code : {base::ExitCode::usage, base::ExitCode::data, base::ExitCode::model})
    all.add(map({{"exitCode", static_cast<int>(code)}, {"action", "AbortJob"}}));
  return all.add(on("PodFailed", "RestartJob"));
}

}  // namespace

Node volcano_job(const Plan& plan) {
  const config::TrainPart& train = plan.deploy.train;
  Node master = task(plan, "master", 1);
  master.set("policies", list({on("TaskCompleted", "CompleteJob")}));
  Node tasks = list({master});
  if (plan.multi_node_training()) tasks.add(task(plan, "worker", train.nodes - 1));
  // The network policy of the svc plugin would open what ours denies.
  const Node plugins =
      map({{"pytorch", list({"--master=master", "--worker=worker", "--port=" + std::to_string(kMasterPort)})},
           {"svc", list({"--publish-not-ready-addresses=true", "--disable-network-policy=true"})},
           {"env", Node::list()}});
  return training_object(plan, "batch.volcano.sh/v1alpha1", "Job")
      .set("spec",
           map({{"schedulerName", "volcano"},
                {"minAvailable", Node(train.nodes).from("/deploy/train/nodes")},
                {"queue", Node(train.queue.value_or("default")).from("/deploy/train/queue")},
                {"maxRetry", Node(train.backoff_limit + 1).from("/deploy/train/backoff_limit")},
                {"ttlSecondsAfterFinished", Node(train.ttl_seconds).from("/deploy/train/ttl_seconds")},
                {"plugins", plugins},
                {"policies", policies()},
                {"tasks", tasks}}));
}

}  // namespace swift::k8sgen
