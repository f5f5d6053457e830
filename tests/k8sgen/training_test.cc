// What training emits: Jobs, the nightly CronJob, launchers with their rendezvous, day and night.
#include "given.h"

using namespace swift::k8sgen;

namespace {

const std::string kTask =
    "model: /models/qwen3-8b\nmethod: sft\ndataset: /models/d.jsonl\noutput_dir: /models/out\ndeploy:\n  "
    "name: tune\n"
    "  storage: {claim: models}\n";

Options only(Wanted wanted) {
  Options options;
  options.wanted = wanted;
  return options;
}

std::vector<Object> launched(const std::string& launcher, const std::string& more = "") {
  return of(kTask + "  namespace: llm\n  train: {nodes: 4, gpus: 8, launcher: " + launcher + more + "}\n",
            only(Wanted::job));
}

}  // namespace

TEST_CASE("the article's CronJob comes out of the shipped example") {
  const Node cron = the(of_file(fs::path(SWIFT_SOURCE_DIR) / "configs/kube/article.yaml"), "CronJob");
  CHECK(cron.text_at("metadata.name") == "dpo-alignment-job");
  CHECK(cron.text_at("spec.schedule") == "0 2 * * *");
  CHECK(cron.text_at("spec.timeZone") == "Asia/Shanghai");
  CHECK(cron.text_at("spec.concurrencyPolicy") == "Forbid");
  const Node container = at(cron, "spec.jobTemplate.spec.template.spec.containers.0");
  CHECK(contains(words(at(container, "command")) + " " + words(at(container, "args")),
                 "swift train --model_type=qwen3-7b --dataset=dpo_feedback_v2 --method=dpo "
                 "--output_dir=/models/qwen3-dpo-v2"));
  CHECK(at(container, "resources.limits").find("nvidia.com/gpu")->text() == "4");
  CHECK(container.text_at("resources.limits.memory") == "128Gi");
}

TEST_CASE("a task with a schedule is a CronJob and no Job that would run at once") {
  const auto nightly = of(kTask + "  train: {schedule: \"0 2 * * *\"}\n");
  CHECK(has(nightly, "CronJob"));
  CHECK_FALSE(has(nightly, "Job"));
  CHECK(has(of(kTask + "  train: {gpus: 1}\n"), "Job"));
  CHECK_FALSE(has(of(kTask), "Job"));
  CHECK(has(of(kTask + "  train: {schedule: \"0 2 * * *\"}\n", only(Wanted::job)), "Job"));
  CHECK_FALSE(has(of(kTask, only(Wanted::job)), "Deployment"));
  CHECK(contains(fault_of(kTask, only(Wanted::cronjob)), "a CronJob needs deploy.train.schedule"));
}

TEST_CASE("a changed task is a Job of another name, and its file belongs to it alone") {
  const auto name = [](const std::string& yaml) {
    return the(of(yaml, only(Wanted::job)), "Job").text_at("metadata.name");
  };
  CHECK(name(kTask) == name(kTask));
  CHECK(name(kTask) != name("lora_rank: 4\n" + kTask));
  CHECK(name(kTask) != name(kTask + "  env: {A: b}\n"));
  CHECK(name(kTask).size() == std::string("tune-train-").size() + 8);
  const auto objects = of(kTask, only(Wanted::job));
  const Node file = the(objects, "ConfigMap");
  CHECK(file.text_at("metadata.name") == name(kTask) + "-task");
  CHECK(at(file, "immutable").boolean());
}

TEST_CASE("a mistake in the task ends a Job at once, and an eviction does not count") {
  const Node job = the(of(kTask, only(Wanted::job)), "Job");
  const Node rules = at(job, "spec.podFailurePolicy.rules");
  CHECK(at(rules, "0.onExitCodes.values") == list({2, 3, 4}));
  CHECK(at(rules, "1.onPodConditions.0.type").text() == "DisruptionTarget");
  CHECK(job.text_at("spec.podReplacementPolicy") == "Failed");
  CHECK(contains(words(at(job, "spec.template.spec.containers.0.args")), "--resume_from_checkpoint=auto"));
}

TEST_CASE("several nodes are an Indexed Job whose pods meet at pod 0") {
  const auto objects = launched("job");
  const Node job = the(objects, "Job");
  CHECK(job.text_at("spec.completionMode") == "Indexed");
  CHECK(at(job, "spec.parallelism").integer() == 4);
  const Node pod = at(job, "spec.template");
  const std::string name = job.text_at("metadata.name");
  CHECK(pod.text_at("spec.subdomain") == "tune-train");
  CHECK(variable_of(pod, "MASTER_ADDR") == name + "-0.tune-train.llm.svc");
  CHECK(variable_of(pod, "MASTER_PORT") == "29500");
  CHECK(variable_of(pod, "RANK") == "field:metadata.annotations['batch.kubernetes.io/job-completion-index']");
  CHECK(variable_of(pod, "WORLD_SIZE") == "4");
  CHECK(variable_of(pod, "LOCAL_RANK") == "0");
  CHECK(variable_of(pod, "NPROC_PER_NODE") == "8");
  const Node service = the(objects, "Service");
  CHECK(service.text_at("metadata.name") == "tune-train");
  CHECK(service.text_at("spec.clusterIP") == "None");
  CHECK(at(service, "spec.publishNotReadyAddresses").boolean());
}

TEST_CASE("a nightly run over several nodes reads the name of its Job") {
  const auto objects = of(kTask + "  train: {nodes: 2, schedule: \"0 2 * * *\"}\n");
  const Node pod = at(the(objects, "CronJob"), "spec.jobTemplate.spec.template");
  CHECK(at(pod, "spec.containers.0.env.3.name").text() == "JOB_NAME");
  CHECK(variable_of(pod, "JOB_NAME") == "field:metadata.labels['batch.kubernetes.io/job-name']");
  CHECK(variable_of(pod, "MASTER_ADDR") == "$(JOB_NAME)-0.tune-train");
}

TEST_CASE("each launcher finds its rendezvous") {
  const Node set = the(launched("jobset"), "JobSet");
  const Node set_pod = at(set, "spec.replicatedJobs.0.template.spec.template");
  CHECK(variable_of(set_pod, "MASTER_ADDR") ==
        set.text_at("metadata.name") + "-node-0-0." + set.text_at("metadata.name") + ".llm.svc");
  const Node torch = the(launched("pytorchjob"), "PyTorchJob");
  CHECK(at(torch, "spec.pytorchReplicaSpecs.Worker.replicas").integer() == 3);
  const Node master = at(torch, "spec.pytorchReplicaSpecs.Master.template");
  CHECK(at(master, "spec.containers.0.name").text() == "pytorch");
  CHECK(variable_of(master, "MASTER_ADDR") == "absent");
  CHECK(variable_of(master, "LOCAL_RANK") == "0");
  const Node trainer = the(launched("trainjob"), "TrainJob");
  CHECK(at(trainer, "spec.trainer.numNodes").integer() == 4);
  CHECK(at(trainer, "spec.runtimePatches.0.trainingRuntimeSpec.template.spec.replicatedJobs.0.name").text() ==
        "node");
  const Node volcano = the(launched("volcano", ", queue: gpu"), "Job");
  CHECK(volcano.text_at("apiVersion") == "batch.volcano.sh/v1alpha1");
  CHECK(volcano.text_at("spec.queue") == "gpu");
  CHECK(at(volcano, "spec.minAvailable").integer() == 4);
  CHECK(words(at(volcano, "spec.plugins.pytorch")) == "--master=master --worker=worker --port=29500");
  CHECK(contains(fault_of(kTask + "  train: {schedule: \"0 2 * * *\", launcher: jobset}\n"),
                 "launcher must be job"));
}

TEST_CASE("a queue is one label, on the Job that is admitted") {
  const auto queue = [](const Node& labels) { return labels.find("kueue.x-k8s.io/queue-name")->text(); };
  CHECK(queue(at(the(of(kTask + "  train: {queue: research}\n"), "Job"), "metadata.labels")) == "research");
  const Node cron = the(of(kTask + "  train: {queue: research, schedule: \"0 2 * * *\"}\n"), "CronJob");
  CHECK(queue(at(cron, "spec.jobTemplate.metadata.labels")) == "research");
  CHECK(at(cron, "metadata.labels").find("kueue.x-k8s.io/queue-name") == nullptr);
}

TEST_CASE("serving shrinks when the night's training begins and grows back when it must be over") {
  const std::string night =
      "  replicas: 5\n  train: {schedule: \"30 22 * * 1-5\", deadline_seconds: 7200, shrink_serving_to: 1}\n";
  const auto objects = of(kTask + night);
  const Node shrink = the(objects, "CronJob", "-shrink");
  CHECK(shrink.text_at("spec.schedule") == "30 22 * * 1-5");
  CHECK(words(at(shrink, "spec.jobTemplate.spec.template.spec.containers.0.args")) ==
        "scale deployments.apps/tune --replicas=1");
  const Node restore = the(objects, "CronJob", "-restore");
  CHECK(restore.text_at("spec.schedule") == "30 0 * * 2-6");
  CHECK(words(at(restore, "spec.jobTemplate.spec.template.spec.containers.0.args")) ==
        "scale deployments.apps/tune --replicas=5");
  const Node role = the(objects, "Role");
  CHECK(at(role, "rules.0.resourceNames") == list({"tune"}));
  CHECK(words(at(role, "rules.0.verbs")) == "get");
  CHECK(words(at(role, "rules.1.resources")) == "deployments/scale");
  const auto scaled = of(kTask + "  autoscaling: {min: 2, max: 6}\n" + night);
  CHECK(contains(
      words(at(the(scaled, "CronJob", "-restore"), "spec.jobTemplate.spec.template.spec.containers.0.args")),
      "{\"spec\":{\"minReplicas\":2,\"maxReplicas\":6}}"));
  CHECK(contains(fault_of(kTask + "  workload: inferenceservice\n" + night), "KServe owns it"));
  CHECK(contains(fault_of(kTask + "  train: {schedule: \"*/5 * * * *\", shrink_serving_to: 1}\n"),
                 "set deploy.train.restore_schedule"));
}
