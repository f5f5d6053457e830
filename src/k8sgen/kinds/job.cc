// The training run as a Job (several nodes: an Indexed Job whose pods meet at pod 0), and every night as a
// CronJob.
#include "k8sgen/kinds.h"
#include "k8sgen/training.h"

namespace swift::k8sgen {
namespace {

Node time_to_live(const Plan& plan) {
  return Node(plan.deploy.train.ttl_seconds).from("/deploy/train/ttl_seconds");
}

// `job`: the name of the Job that makes the pods, which is part of their host names.
Node spec_of(const Plan& plan, const std::string& job, Node before) {
  const int64_t restarts = plan.deploy.train.backoff_limit;
  if (!plan.multi_node_training())
    return job_spec(plan, rendezvous(plan, "127.0.0.1", kMasterPort), restarts, "")
        .set("ttlSecondsAfterFinished", time_to_live(plan));
  const std::string& service = plan.train_name.text;
  before.extend(rendezvous(plan, job + "-0" + service_suffix(plan, service), kMasterPort));
  return job_spec(plan, std::move(before), restarts, service)
      .set("ttlSecondsAfterFinished", time_to_live(plan));
}

}  // namespace

Node job(const Plan& plan) {
  return training_object(plan, "batch/v1", "Job")
      .set("spec", spec_of(plan, training_name(plan).text, Node::list()));
}

Node cron_job(const Plan& plan) {
  const config::TrainPart& train = plan.deploy.train;
  // The Jobs' names end in the time at which they began: the pods read theirs.
  const Node own_name = list({field_variable("JOB_NAME", "metadata.labels['batch.kubernetes.io/job-name']")});
  Node job_labels = labels(plan, kTraining);
  job_labels.extend(queue_label(plan));
  return object(plan, "batch/v1", "CronJob", plan.train_name, kTraining)
      .set("spec",
           map({{"schedule", Node(train.schedule.value_or("")).from("/deploy/train/schedule")},
                {"timeZone", Node(train.time_zone).from("/deploy/train/time_zone")},
                {"concurrencyPolicy", "Forbid"},
                {"startingDeadlineSeconds",
                 Node(train.starting_deadline_seconds).from("/deploy/train/starting_deadline_seconds")},
                {"suspend", train.suspend},
                {"successfulJobsHistoryLimit", 3},
                {"failedJobsHistoryLimit", 3},
                {"jobTemplate", map({{"metadata", map({{"labels", job_labels}})},
                                     {"spec", spec_of(plan, "$(JOB_NAME)", own_name)}})}}));
}

}  // namespace swift::k8sgen
