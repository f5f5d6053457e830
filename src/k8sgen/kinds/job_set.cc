// Training over several pods that start and fail together (jobset.x-k8s.io/v1alpha2). The controller makes
// the headless Service; pods are <jobset>-node-0-<index>.<jobset>.
#include "k8sgen/kinds.h"
#include "k8sgen/training.h"

namespace swift::k8sgen {

Node job_set(const Plan& plan) {
  const std::string name = training_name(plan).text;
  const std::string master =
      plan.multi_node_training() ? name + "-node-0-0" + service_suffix(plan, name) : "127.0.0.1";
  // One failed pod ends the inner Job, and the JobSet starts all of them again.
  Node inner = job_spec(plan, rendezvous(plan, master, kMasterPort), 0, "");
  if (!plan.multi_node_training())
    inner.set("completionMode", "Indexed").set("completions", 1).set("parallelism", 1);
  const Node fatal = map({{"name", "badConfiguration"},
                          {"action", "FailJobSet"},
                          {"onJobFailureReasons", list({"PodFailurePolicy", "DeadlineExceeded"})}});
  return training_object(plan, "jobset.x-k8s.io/v1alpha2", "JobSet")
      .set("spec",
           map({{"network", map({{"enableDNSHostnames", true}, {"publishNotReadyAddresses", true}})},
                {"successPolicy", map({{"operator", "All"}})},
                {"failurePolicy",
                 map({{"maxRestarts",
                       Node(plan.deploy.train.backoff_limit).from("/deploy/train/backoff_limit")},
                      {"rules", list({fatal})}})},
                {"ttlSecondsAfterFinished",
                 Node(plan.deploy.train.ttl_seconds).from("/deploy/train/ttl_seconds")},
                {"replicatedJobs",
                 list({map({{"name", "node"},
                            {"replicas", 1},
                            {"template", map({{"metadata", map({{"labels", labels(plan, kTraining)}})},
                                              {"spec", inner}})}})})}}));
}

}  // namespace swift::k8sgen
