// Training under Kubeflow's training operator (kubeflow.org/v1). It wants the container to be called pytorch
// and sets MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE itself, the last two by pods.
#include "k8sgen/kinds.h"
#include "k8sgen/training.h"

namespace swift::k8sgen {
namespace {

Node replica(const Plan& plan, int64_t count) {
  Node pod = training_pod(plan, "pytorch", rendezvous(plan, "", 0), training_config(plan));
  Node spec = *pod.find("spec");
  pod.set("spec", spec.erase("restartPolicy"));  // the replica's own counts
  // Codes from 128 on, a signal's, are tried again; the others are final.
  return map({{"replicas", Node(count).from("/deploy/train/nodes")},
              {"restartPolicy", "ExitCode"},
              {"template", pod}});
}

}  // namespace

Node pytorch_job(const Plan& plan) {
  const config::TrainPart& train = plan.deploy.train;
  Node replicas = map({{"Master", replica(plan, 1)}});
  if (plan.multi_node_training()) replicas.set("Worker", replica(plan, train.nodes - 1));
  return training_object(plan, "kubeflow.org/v1", "PyTorchJob")
      .set("spec",
           map({{"runPolicy",
                 map({{"cleanPodPolicy", "None"},
                      {"ttlSecondsAfterFinished", Node(train.ttl_seconds).from("/deploy/train/ttl_seconds")},
                      {"activeDeadlineSeconds",
                       Node(plan.train_deadline).from("/deploy/train/deadline_seconds")},
                      {"backoffLimit", Node(train.backoff_limit).from("/deploy/train/backoff_limit")}})},
                {"pytorchReplicaSpecs", replicas}}));
}

}  // namespace swift::k8sgen
