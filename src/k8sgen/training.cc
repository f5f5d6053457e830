#include "k8sgen/training.h"

#include "base/error.h"

namespace swift::k8sgen {
namespace {

constexpr const char* kIndex = "metadata.annotations['batch.kubernetes.io/job-completion-index']";
constexpr const char* kQueue = "kueue.x-k8s.io/queue-name";

int64_t code(base::ExitCode exit) {
  return static_cast<int64_t>(exit);
}

// A mistake in the task, the data or the model comes out the same every time. An evicted pod is no failure.
Node failure_policy() {
  const Node codes =
      list({code(base::ExitCode::usage), code(base::ExitCode::data), code(base::ExitCode::model)});
  return map(
      {{"rules", list({map({{"action", "FailJob"},
                            {"onExitCodes",
                             map({{"containerName", kContainer}, {"operator", "In"}, {"values", codes}})}}),
                       map({{"action", "Ignore"},
                            {"onPodConditions",
                             list({map({{"type", "DisruptionTarget"}, {"status", "True"}})})}})})}});
}

}  // namespace

Node field_variable(const std::string& name, const std::string& path) {
  return map(
      {{"name", name}, {"valueFrom", map({{"fieldRef", map({{"apiVersion", "v1"}, {"fieldPath", path}})}})}});
}

Node rendezvous(const Plan& plan, const std::string& master, int64_t port) {
  const config::TrainPart& train = plan.deploy.train;
  Node all = Node::list();
  const auto count = [](int64_t number) { return std::to_string(number); };
  if (!master.empty()) {
    all.add(variable("MASTER_ADDR", master));
    all.add(variable("MASTER_PORT", count(port)));
    all.add(plan.multi_node_training() ? field_variable("RANK", kIndex) : variable("RANK", "0"));
    all.add(variable("WORLD_SIZE", Node(count(train.nodes)).from("/deploy/train/nodes")));
    all.add(plan.multi_node_training() ? field_variable("NODE_RANK", kIndex) : variable("NODE_RANK", "0"));
  }
  all.add(variable("LOCAL_RANK", "0"));
  all.add(variable("NNODES", Node(count(train.nodes)).from("/deploy/train/nodes")));
  all.add(variable("NPROC_PER_NODE",
                   Node(count(std::max<int64_t>(1, plan.train_size.gpus))).from("/deploy/train/gpus")));
  return all;
}

Node queue_label(const Plan& plan) {
  if (!plan.deploy.train.queue || plan.deploy.train.launcher == "volcano") return Node::map();
  return map({{kQueue, Node(*plan.deploy.train.queue).from("/deploy/train/queue")}});
}

Node training_object(const Plan& plan, const char* api_version, const char* kind) {
  Node made = object(plan, api_version, kind, training_name(plan), kTraining);
  const Node queue = queue_label(plan);
  if (queue.empty()) return made;
  Node meta = *made.find("metadata");
  Node all = *meta.find("labels");
  all.extend(queue);
  return made.set("metadata", meta.set("labels", all));
}

Node job_spec(const Plan& plan, Node variables, int64_t restarts, const std::string& subdomain) {
  const config::TrainPart& train = plan.deploy.train;
  Node spec = Node::map();
  if (plan.multi_node_training()) {
    const Node nodes = Node(train.nodes).from("/deploy/train/nodes");
    spec.set("completionMode", "Indexed").set("completions", nodes).set("parallelism", nodes);
  }
  spec.set("backoffLimit", Node(restarts).from("/deploy/train/backoff_limit"));
  spec.set("activeDeadlineSeconds", Node(plan.train_deadline).from("/deploy/train/deadline_seconds"));
  // Two pods of one rank must never run at once.
  spec.set("podReplacementPolicy", "Failed");
  spec.set("podFailurePolicy", failure_policy());
  Node pod = training_pod(plan, kContainer, std::move(variables), training_config(plan));
  if (!subdomain.empty()) {
    Node inner = *pod.find("spec");
    pod.set("spec", inner.set("subdomain", subdomain));
  }
  return spec.set("template", pod);
}

}  // namespace swift::k8sgen
