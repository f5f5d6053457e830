// Serving gives up GPUs while the scheduled training runs: a CronJob scales it down when the training begins,
// another scales it up when the training must be over (its deadline). Their account may change that one
// object's size only.
#include "k8sgen/cron.h"
#include "k8sgen/kinds.h"

namespace swift::k8sgen {
namespace {

constexpr const char* kScaling = "scaling";

Chosen named(const Plan& plan, const std::string& suffix) {
  return {plan.train_name.text + suffix, plan.train_name.setting};
}

// An autoscaler would undo a change of replicas, so its bounds are changed; but 0 replicas switch it off.
bool through_autoscaler(const Plan& plan) {
  return plan.autoscaled() && *plan.deploy.train.shrink_serving_to > 0;
}

Node scale_to(const Plan& plan, int64_t replicas) {
  const std::string kind =
      plan.in_groups() ? "leaderworkersets.leaderworkerset.x-k8s.io/" : "deployments.apps/";
  return list({"scale", kind + plan.name.text,
               Node("--replicas=" + std::to_string(replicas)).from("/deploy/train/shrink_serving_to")});
}

Node bound_to(const Plan& plan, int64_t low, int64_t high) {
  return list({"patch", "horizontalpodautoscalers.autoscaling/" + plan.name.text, "--type=merge",
               "--patch={\"spec\":{\"minReplicas\":" + std::to_string(low) +
                   ",\"maxReplicas\":" + std::to_string(high) + "}}"});
}

Node pod(const Plan& plan, const Node& arguments) {
  const Node amount = map({{"cpu", "100m"}, {"memory", "128Mi"}});
  const std::string image = plan.deploy.train.kubectl_image.value_or("registry.k8s.io/kubectl:v1.34.1");
  const Node container = map({{"name", "kubectl"},
                              {"image", Node(image).from("/deploy/train/kubectl_image")},
                              {"imagePullPolicy", plan.deploy.image_pull_policy},
                              {"command", list({"kubectl"})},
                              {"args", arguments},
                              {"env", list({map({{"name", "HOME"}, {"value", "/tmp"}})})},
                              {"resources", map({{"limits", amount}, {"requests", amount}})},
                              {"securityContext", container_security(plan)},
                              {"terminationMessagePolicy", "FallbackToLogsOnError"},
                              {"volumeMounts", list({map({{"name", "tmp"}, {"mountPath", "/tmp"}})})}});
  return map({{"metadata", map({{"labels", labels(plan, kScaling)}})},
              {"spec", map({{"serviceAccountName", named(plan, "-scale").node()},
                            {"automountServiceAccountToken", true},
                            {"enableServiceLinks", false},
                            {"securityContext", pod_security(plan)},
                            {"restartPolicy", "OnFailure"},
                            {"containers", list({container})},
                            {"volumes", list({map({{"name", "tmp"}, {"emptyDir", Node::map()}})})}})}});
}

Node cron(const Plan& plan, const std::string& suffix, const Node& schedule, const Node& arguments) {
  const config::TrainPart& train = plan.deploy.train;
  const Node job = map({{"backoffLimit", 6},
                        {"activeDeadlineSeconds", 600},
                        {"ttlSecondsAfterFinished", 86400},
                        {"template", pod(plan, arguments)}});
  return object(plan, "batch/v1", "CronJob", named(plan, suffix), kScaling)
      .set("spec",
           map({{"schedule", schedule},
                {"timeZone", Node(train.time_zone).from("/deploy/train/time_zone")},
                {"concurrencyPolicy", "Forbid"},
                {"startingDeadlineSeconds",
                 Node(train.starting_deadline_seconds).from("/deploy/train/starting_deadline_seconds")},
                {"suspend", train.suspend},
                {"successfulJobsHistoryLimit", 1},
                {"failedJobsHistoryLimit", 3},
                {"jobTemplate",
                 map({{"metadata", map({{"labels", labels(plan, kScaling)}})}, {"spec", job}})}}));
}

}  // namespace

Node scaling_account(const Plan& plan) {
  return object(plan, "v1", "ServiceAccount", named(plan, "-scale"), kScaling)
      .set("automountServiceAccountToken", false);
}

Node scaling_role(const Plan& plan) {
  const Node only = list({plan.name.node()});
  const auto rule = [&](const char* api_group, const std::string& resource, const Node& verbs) {
    return map({{"apiGroups", list({api_group})},
                {"resources", list({resource})},
                {"resourceNames", only},
                {"verbs", verbs}});
  };
  Node rules = Node::list();
  if (through_autoscaler(plan)) {
    rules.add(rule("autoscaling", "horizontalpodautoscalers", list({"get", "patch"})));
  } else {
    const char* api_group = plan.in_groups() ? "leaderworkerset.x-k8s.io" : "apps";
    const std::string resource = plan.in_groups() ? "leaderworkersets" : "deployments";
    rules.add(rule(api_group, resource, list({"get"})));
    rules.add(rule(api_group, resource + "/scale", list({"get", "patch", "update"})));
  }
  return object(plan, "rbac.authorization.k8s.io/v1", "Role", named(plan, "-scale"), kScaling)
      .set("rules", rules);
}

Node scaling_role_binding(const Plan& plan) {
  const Node name = named(plan, "-scale").node();
  Node subject = map({{"kind", "ServiceAccount"}, {"name", name}});
  subject.set_if(!plan.namespace_.empty(), "namespace", plan.namespace_);
  return object(plan, "rbac.authorization.k8s.io/v1", "RoleBinding", named(plan, "-scale"), kScaling)
      .set("roleRef", map({{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "Role"}, {"name", name}}))
      .set("subjects", list({subject}));
}

Node shrink_cron_job(const Plan& plan) {
  const config::TrainPart& train = plan.deploy.train;
  const int64_t few = *train.shrink_serving_to;
  return cron(plan, "-shrink", Node(train.schedule.value_or("")).from("/deploy/train/schedule"),
              through_autoscaler(plan) ? bound_to(plan, few, few) : scale_to(plan, few));
}

Node restore_cron_job(const Plan& plan) {
  const config::TrainPart& train = plan.deploy.train;
  const config::Autoscaling& a = plan.deploy.autoscaling;
  const std::string when = train.restore_schedule
                               ? *train.restore_schedule
                               : shifted(train.schedule.value_or(""), plan.train_deadline).value_or("");
  const Node schedule =
      Node(when).from(train.restore_schedule ? "/deploy/train/restore_schedule" : "/deploy/train/schedule");
  return cron(plan, "-restore", schedule,
              through_autoscaler(plan) ? bound_to(plan, a.min, a.max)
                                       : scale_to(plan, a.given ? a.min : plan.deploy.replicas));
}

}  // namespace swift::k8sgen
