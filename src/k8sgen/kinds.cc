#include "k8sgen/kinds.h"

#include "base/hash.h"
#include "k8sgen/emit.h"

namespace swift::k8sgen {
namespace {

bool serves(const Plan& p) {
  return p.serves;
}
bool group(const Plan& p) {
  return p.in_groups();
}
bool kserve(const Plan& p) {
  return p.deploy.workload == "inferenceservice";
}
// KServe makes its own Service, autoscaler and way in.
bool serves_itself(const Plan& p) {
  return p.serves && !kserve(p);
}
bool with_deployment(const Plan& p) {
  return serves_itself(p) && !group(p);
}
bool with_group(const Plan& p) {
  return serves_itself(p) && group(p);
}
bool with_kserve(const Plan& p) {
  return p.serves && kserve(p);
}
bool with_nfs(const Plan& p) {
  return p.deploy.storage.nfs.given;
}
bool with_claim(const Plan& p) {
  return !p.claim.empty() && !p.deploy.storage.claim;
}
bool with_hpa(const Plan& p) {
  return serves_itself(p) && p.autoscaled() && p.deploy.autoscaling.provider == "hpa";
}
bool with_keda(const Plan& p) {
  return serves_itself(p) && p.autoscaled() && p.deploy.autoscaling.provider == "keda";
}
bool with_budget(const Plan& p) {
  return p.serves && !group(p) && p.several_replicas();
}
bool with_ingress(const Plan& p) {
  return serves_itself(p) && p.deploy.ingress.given && p.deploy.ingress.route == "ingress";
}
bool with_route(const Plan& p) {
  return serves_itself(p) && p.deploy.ingress.given && p.deploy.ingress.route == "gateway";
}
bool with_policy(const Plan& p) {
  return p.serves && p.deploy.network.policy;
}
bool with_monitor(const Plan& p) {
  return p.serves && p.deploy.monitoring.pod_monitor;
}
bool trains(const Plan& p) {
  return p.trains;
}
// The other launchers make the Service themselves.
bool with_rendezvous(const Plan& p) {
  return p.trains && p.multi_node_training() && p.deploy.train.launcher == "job";
}
template <const char* const& Launcher>
bool launched_by(const Plan& p) {
  return p.job && p.deploy.train.launcher == Launcher;
}
constexpr const char* kJob = "job";
constexpr const char* kJobSet = "jobset";
constexpr const char* kPyTorchJob = "pytorchjob";
constexpr const char* kTrainJob = "trainjob";
constexpr const char* kVolcano = "volcano";
bool with_cron_job(const Plan& p) {
  return p.cron_job;
}
bool with_training_policy(const Plan& p) {
  return p.trains && p.deploy.network.policy;
}
bool shrinks(const Plan& p) {
  return p.cron_job && p.deploy.train.shrink_serving_to.has_value();
}
bool shrinks_with_policy(const Plan& p) {
  return shrinks(p) && p.deploy.network.policy;
}

constexpr Kind kKinds[] = {
    {serves, service_account, "identity of the serving pods, without any right", "/deploy/name"},
    {trains, training_account, "identity of the training pods, without any right", "/deploy/train/name"},
    {shrinks, scaling_account, "identity of the pods that resize serving", "/deploy/train/shrink_serving_to"},
    {serves, serving_config_map, "the task's settings as the pods read them", "/deploy"},
    {trains, training_config_map, "the task's settings as the training reads them", "/deploy/train"},
    {with_nfs, persistent_volume, "the NFS export with the models", "/deploy/storage/nfs"},
    {with_claim, persistent_volume_claim, "the pods' claim on the models' volume", "/deploy/storage"},
    {shrinks, scaling_role, "the right to resize this one server", "/deploy/train/shrink_serving_to"},
    {shrinks, scaling_role_binding, "gives that right to its account", "/deploy/train/shrink_serving_to"},
    {serves_itself, service, "one address in front of the serving pods", "/deploy/service"},
    {with_rendezvous, rendezvous_service, "names by which the training pods find each other",
     "/deploy/train/nodes"},
    {with_deployment, deployment, "the pods that serve the model", "/deploy/replicas"},
    {with_group, leader_worker_set, "groups of pods that serve one model together", "/deploy/nodes"},
    {with_kserve, inference_service, "the pods that serve the model, under KServe", "/deploy/workload"},
    {with_hpa, horizontal_pod_autoscaler, "replicas by the number of waiting requests",
     "/deploy/autoscaling"},
    {with_keda, scaled_object, "replicas by the number of waiting requests, by KEDA", "/deploy/autoscaling"},
    {with_budget, pod_disruption_budget, "a node drain takes one serving pod at a time", "/deploy/replicas"},
    {with_ingress, ingress, "the way in from outside the cluster", "/deploy/ingress"},
    {with_route, http_route, "the way in from outside, through a Gateway", "/deploy/ingress"},
    {with_policy, serving_network_policy, "who may reach the server; the rest is denied", "/deploy/network"},
    {with_training_policy, training_network_policy, "nobody may reach the training but its own pods",
     "/deploy/network"},
    {shrinks_with_policy, scaling_network_policy, "the resizing pods may reach the API server only",
     "/deploy/network"},
    {with_monitor, pod_monitor, "Prometheus scrapes the serving pods", "/deploy/monitoring"},
    {launched_by<kJob>, job, "the training run; a changed task is a new Job", "/deploy/train"},
    {launched_by<kJobSet>, job_set, "the training run, all pods starting and failing together",
     "/deploy/train/launcher"},
    {launched_by<kPyTorchJob>, pytorch_job, "the training run, by Kubeflow's training operator",
     "/deploy/train/launcher"},
    {launched_by<kTrainJob>, train_job, "the training run, by Kubeflow Trainer", "/deploy/train/launcher"},
    {launched_by<kVolcano>, volcano_job, "the training run, scheduled as a gang by Volcano",
     "/deploy/train/launcher"},
    {with_cron_job, cron_job, "the training run on a schedule", "/deploy/train/schedule"},
    {shrinks, shrink_cron_job, "serving shrinks when the training begins", "/deploy/train/shrink_serving_to"},
    {shrinks, restore_cron_job, "serving grows back when the training must be over",
     "/deploy/train/restore_schedule"},
};

std::vector<Object> built(const Plan& plan) {
  std::vector<Object> made;
  for (const Kind& kind : kKinds) {
    if (kind.wanted(plan)) made.push_back({kind.build(plan), kind.why, kind.setting});
  }
  return made;
}

}  // namespace

std::vector<Object> objects(Plan plan) {
  std::vector<Object> made = built(plan);
  if (!plan.job) return made;
  // A Job cannot be changed: another task must be another name.
  const Node* spec = made.back().root.find("spec");
  plan.run_hash = base::fnv1a_hex(plan.config_text + to_yaml(*spec)).substr(0, 8);
  return built(plan);
}

}  // namespace swift::k8sgen
