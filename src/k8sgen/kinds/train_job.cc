// Training under Kubeflow Trainer (trainer.kubeflow.org/v1alpha1). The runtime brings the pod; we patch its
// job and container, both called node. Pods are <trainjob>-node-0-<index>.<trainjob>, and port 29400 is the
// runtime's.
#include "k8sgen/kinds.h"
#include "k8sgen/training.h"

namespace swift::k8sgen {
namespace {

constexpr const char* kNode = "node";
constexpr int64_t kRuntimePort = 29400;

// Only what PodSpecPatch of the runtime's patches knows.
Node patched_pod(const Plan& plan) {
  const Node pod = training_pod(plan, kNode, Node::list(), training_config(plan));
  const Node& whole = *pod.find("spec");
  Node spec = Node::map();
  for (const char* key :
       {"serviceAccountName", "securityContext", "imagePullSecrets", "nodeSelector", "tolerations"}) {
    if (const Node* value = whole.find(key)) spec.set(key, *value);
  }
  const Node& container = whole.find("containers")->items()[0];
  spec.set("containers", list({map({{"name", kNode},
                                    {"volumeMounts", *container.find("volumeMounts")},
                                    {"securityContext", *container.find("securityContext")}})}));
  spec.set("volumes", *whole.find("volumes"));
  return map({{"metadata", *pod.find("metadata")}, {"spec", spec}});
}

}  // namespace

Node train_job(const Plan& plan) {
  const config::TrainPart& train = plan.deploy.train;
  const std::string name = training_name(plan).text;
  const std::string master =
      plan.multi_node_training() ? name + "-node-0-0" + service_suffix(plan, name) : "127.0.0.1";
  const Node container = training_container(plan, kNode, rendezvous(plan, master, kRuntimePort));
  const Node trainer = map({{"image", *container.find("image")},
                            {"command", *container.find("command")},
                            {"args", *container.find("args")},
                            {"env", *container.find("env")},
                            {"numNodes", Node(train.nodes).from("/deploy/train/nodes")},
                            {"numProcPerNode", std::max<int64_t>(1, plan.train_size.gpus)},
                            {"resourcesPerNode", *container.find("resources")}});
  const Node job =
      map({{"name", kNode}, {"template", map({{"spec", map({{"template", patched_pod(plan)}})}})}});
  const Node patch = map({{"manager", "swift/manifests"},
                          {"trainingRuntimeSpec",
                           map({{"template", map({{"spec", map({{"replicatedJobs", list({job})}})}})}})}});
  return training_object(plan, "trainer.kubeflow.org/v1alpha1", "TrainJob")
      .set(
          "spec",
          map({{"runtimeRef", map({{"apiGroup", "trainer.kubeflow.org"},
                                   {"kind", "ClusterTrainingRuntime"},
                                   {"name", Node(train.runtime).from("/deploy/train/runtime")}})},
               {"trainer", trainer},
               {"runtimePatches", list({patch})},
               {"activeDeadlineSeconds", Node(plan.train_deadline).from("/deploy/train/deadline_seconds")}}));
}

}  // namespace swift::k8sgen
