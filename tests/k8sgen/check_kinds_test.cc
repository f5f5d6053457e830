// Pod templates inside every kind of object: each is found, and its faults are shown where they are.
#include "objects.h"

using namespace swift::k8sgen;

namespace {

Json job_template(const std::string& restart = "Never") {
  return pod_template(container(), {{"restartPolicy", restart}});
}

Objects jobset() {
  Json spec = job_spec();
  spec.update(Json{{"completionMode", "Indexed"}, {"completions", 2}, {"parallelism", 2}});
  return {
      object("v1", "Service", "train", Json::parse(R"({"clusterIP": "None",
            "selector": {"jobset.sigs.k8s.io/jobset-name": "train"}})")),
      object("jobset.x-k8s.io/v1alpha2", "JobSet", "train",
             {{"replicatedJobs", {{{"name", "node"}, {"replicas", 1}, {"template", {{"spec", spec}}}}}}})};
}

Objects leader_worker_set() {
  Json leader =
      pod_template(container(Json::parse(R"({"ports": [{"name": "http", "containerPort": 8000}]})")));
  return {
      object("v1", "Service", "web",
             Json::parse(R"({"ports": [{"name": "http", "port": 80, "targetPort": "http"}],
            "selector": {"leaderworkerset.sigs.k8s.io/name": "web", "leaderworkerset.sigs.k8s.io/worker-index": "0"}})")),
      object("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", "web",
             {{"replicas", 2},
              {"rolloutStrategy", {{"rollingUpdateConfiguration", {{"maxSurge", 0}, {"maxUnavailable", 1}}}}},
              {"leaderWorkerTemplate",
               {{"size", 2}, {"leaderTemplate", leader}, {"workerTemplate", pod_template(container())}}}})};
}

Objects pytorch_job() {
  const Json replica = {{"replicas", 1}, {"restartPolicy", "OnFailure"}, {"template", job_template()}};
  return {object("v1", "Service", "train", Json::parse(R"({"clusterIP": "None",
            "selector": {"training.kubeflow.org/job-name": "train", "training.kubeflow.org/replica-type": "worker"}})")),
          object("kubeflow.org/v1", "PyTorchJob", "train",
                 {{"pytorchReplicaSpecs", {{"Master", replica}, {"Worker", replica}}}})};
}

Objects volcano_job() {
  return {
      object("batch.volcano.sh/v1alpha1", "Job", "train",
             {{"minAvailable", 2},
              {"tasks", {{{"name", "node"}, {"replicas", 2}, {"template", job_template("OnFailure")}}}}})};
}

Objects inference_service() {
  Json model = container();
  model.erase("name");
  model["modelFormat"] = {{"name", "huggingface"}};
  Json predictor = pod_template(container())["spec"];
  predictor.erase("containers");
  predictor["labels"] = {{"app.kubernetes.io/name", "web"}};
  predictor["model"] = model;
  return {object("serving.kserve.io/v1beta1", "InferenceService", "web", {{"predictor", predictor}}),
          object("networking.k8s.io/v1", "NetworkPolicy", "web", Json::parse(R"({"podSelector":
            {"matchLabels": {"serving.kserve.io/inferenceservice": "web"}}})"))};
}

Objects train_job() {
  return {object("trainer.kubeflow.org/v1alpha1", "TrainJob", "train",
                 Json::parse(R"({"runtimeRef": {"name": "torch"},
            "labels": {"team": "nlp"}, "trainer": {"numNodes": 2, "resourcesPerNode":
            {"limits": {"nvidia.com/gpu": "4"}, "requests": {"nvidia.com/gpu": "4"}}}})")),
          object("networking.k8s.io/v1", "NetworkPolicy", "train",
                 Json::parse(R"({"podSelector": {"matchLabels": {"team": "nlp"}}})"))};
}

Objects training_runtime() {
  return {object(
      "trainer.kubeflow.org/v1alpha1", "TrainingRuntime", "torch",
      {{"template",
        {{"spec", {{"replicatedJobs", {{{"name", "node"}, {"template", {{"spec", job_spec()}}}}}}}}}}})};
}

}  // namespace

TEST_CASE("Pod Security is checked in the pods of every kind") {
  const std::string escalation = "/securityContext/allowPrivilegeEscalation";
  const struct {
    Objects objects;
    const char *kind, *pointer, *place;
  } table[] = {
      {serving(), "Deployment", "/spec/template/spec/containers/0",
       "Deployment 'web' spec.template.spec.containers[0]"},
      {two_nodes(), "Job", "/spec/template/spec/containers/0",
       "Job 'train-0a1b2c3d' spec.template.spec.containers[0]"},
      {nightly(), "CronJob", "/spec/jobTemplate/spec/template/spec/containers/0",
       "CronJob 'nightly' spec.jobTemplate.spec.template.spec.containers[0]"},
      {jobset(), "JobSet", "/spec/replicatedJobs/0/template/spec/template/spec/containers/0",
       "JobSet 'train' spec.replicatedJobs[0].template.spec.template.spec.containers[0]"},
      {leader_worker_set(), "LeaderWorkerSet", "/spec/leaderWorkerTemplate/leaderTemplate/spec/containers/0",
       "LeaderWorkerSet 'web' spec.leaderWorkerTemplate.leaderTemplate.spec.containers[0]"},
      {leader_worker_set(), "LeaderWorkerSet", "/spec/leaderWorkerTemplate/workerTemplate/spec/containers/0",
       "LeaderWorkerSet 'web' spec.leaderWorkerTemplate.workerTemplate.spec.containers[0]"},
      {pytorch_job(), "PyTorchJob", "/spec/pytorchReplicaSpecs/Worker/template/spec/containers/0",
       "PyTorchJob 'train' spec.pytorchReplicaSpecs.Worker.template.spec.containers[0]"},
      {volcano_job(), "Job", "/spec/tasks/0/template/spec/containers/0",
       "Job 'train' spec.tasks[0].template.spec.containers[0]"},
      {inference_service(), "InferenceService", "/spec/predictor/model",
       "InferenceService 'web' spec.predictor.model"},
      {training_runtime(), "TrainingRuntime",
       "/spec/template/spec/replicatedJobs/0/template/spec/template/spec/containers/0",
       "TrainingRuntime 'torch' "
       "spec.template.spec.replicatedJobs[0].template.spec.template.spec.containers[0]"}};
  for (const auto& row : table) {
    INFO(row.place);
    CHECK(faults(row.objects) == "");
    CHECK(faults(with(row.objects, row.kind, row.pointer + escalation, true)) ==
          "privileges: " + std::string(row.place) +
              ".securityContext.allowPrivilegeEscalation: true: the Pod Security profile \"restricted\" "
              "wants false");
  }
}

TEST_CASE("init containers are held to Pod Security too") {
  Json init = container({{"name", "pull"}});
  init["securityContext"]["capabilities"].erase("drop");
  CHECK(faults(with(serving(), "Deployment", "/spec/template/spec/initContainers", Json::array({init}))) ==
        "capabilities: Deployment 'web' "
        "spec.template.spec.initContainers[0].securityContext.capabilities.drop: does "
        "not hold ALL, which the Pod Security profile \"restricted\" wants; write [ALL]");
}

TEST_CASE("a container of its own may bring what the pod leaves out") {
  Objects objects = with(serving(), "Deployment", "/spec/template/spec/securityContext", Json::object());
  const std::string context = "/spec/template/spec/containers/0/securityContext";
  objects = with(objects, "Deployment", context + "/runAsNonRoot", true);
  objects = with(objects, "Deployment", context + "/seccompProfile", {{"type", "RuntimeDefault"}});
  CHECK(faults(objects) == "");
}

TEST_CASE("rules of Jobs hold inside a JobSet") {
  CHECK(faults(with(jobset(), "JobSet", "/spec/replicatedJobs/0/template/spec/parallelism", 1)) ==
        "indexed_jobs: JobSet 'train' spec.replicatedJobs[0].template.spec.completions: 2 completions and "
        "parallelism "
        "1: the ranks of one run all exist at the same time; write the number of nodes twice");
}

TEST_CASE("labels that a controller adds can be selected") {
  CHECK(faults(train_job()) == "");
  check_cases(jobset(),
              {{"Service", "/spec/selector/jobset.sigs.k8s.io~1jobset-name", R"("other")",
                "service_selectors: Service 'train' spec.selector: 'jobset.sigs.k8s.io/jobset-name=other' "
                "matches no pod of this set in namespace 'llm'; use the labels of a pod template"}});
  check_cases(pytorch_job(),
              {{"Service", "/spec/selector", R"({"training.kubeflow.org/replica-type": "chief"})",
                "service_selectors: Service 'train' spec.selector: "
                "'training.kubeflow.org/replica-type=chief' matches "
                "no pod of this set in namespace 'llm'; use the labels of a pod template"}});
}

TEST_CASE("names of pods fit 63 characters in every kind that numbers them") {
  const std::string name(62, 'n');
  for (const auto& [objects, kind] : {std::pair(jobset(), "JobSet"),
                                      {leader_worker_set(), "LeaderWorkerSet"},
                                      {pytorch_job(), "PyTorchJob"},
                                      {volcano_job(), "Job"},
                                      {inference_service(), "InferenceService"},
                                      {train_job(), "TrainJob"},
                                      {two_nodes(), "Job"}}) {
    INFO(kind);
    const std::string found = faults(with(objects, kind, "/metadata/name", name));
    CHECK(found.find("pod_host_names: ") != std::string::npos);
    CHECK(found.find("at most 63 are allowed; shorten the name by ") != std::string::npos);
    const Objects fits = with(objects, kind, "/metadata/name", name.substr(0, 40));
    CHECK(faults(fits).find("pod_host_names") == std::string::npos);
  }
  Objects ranked = nightly();
  ranked = with(ranked, "CronJob", "/spec/jobTemplate/spec/completionMode", "Indexed");
  ranked = with(ranked, "CronJob", "/spec/jobTemplate/spec/completions", 2);
  ranked = with(ranked, "CronJob", "/spec/jobTemplate/spec/parallelism", 2);
  ranked = with(ranked, "CronJob", "/metadata/name", std::string(52, 'n'));
  CHECK(faults(ranked) == "");
  ranked = with(ranked, "CronJob", "/spec/jobTemplate/spec/completions", 11);
  ranked = with(ranked, "CronJob", "/spec/jobTemplate/spec/parallelism", 11);
  CHECK(faults(ranked).find("29000000-10', 64 characters; at most 63 are allowed; shorten the name by 1") !=
        std::string::npos);
}

TEST_CASE("bounds of a LeaderWorkerSet and of replicas of a PyTorchJob") {
  check_cases(
      leader_worker_set(),
      {{"LeaderWorkerSet", "/spec/leaderWorkerTemplate/size", "0",
        "replicas: LeaderWorkerSet 'web' spec.leaderWorkerTemplate.size: 0 is below 1; write 1 or more"},
       {"LeaderWorkerSet", "/spec/replicas", "-1",
        "replicas: LeaderWorkerSet 'web' spec.replicas: -1 is below 0; write 0 or more"},
       {"LeaderWorkerSet", "/spec/rolloutStrategy/rollingUpdateConfiguration/maxUnavailable", "0",
        "rollouts: LeaderWorkerSet 'web' spec.rolloutStrategy.rollingUpdateConfiguration.maxUnavailable: "
        "maxSurge and maxUnavailable are both 0, so that no pod could ever be replaced; set maxUnavailable "
        "to "
        "1 where accelerators are scarce, or maxSurge to 1"}});
  check_cases(pytorch_job(),
              {{"PyTorchJob", "/spec/pytorchReplicaSpecs/Worker/restartPolicy", R"("Sometimes")",
                "restart_policies: PyTorchJob 'train' spec.pytorchReplicaSpecs.Worker.restartPolicy: "
                "'Sometimes' is not allowed; write one of Always, OnFailure, Never, ExitCode"}});
  check_cases(train_job(),
              {{"TrainJob", "/spec/trainer/resourcesPerNode/limits/nvidia.com~1gpu", R"("8")",
                "extended_resources: TrainJob 'train' "
                "spec.trainer.resourcesPerNode.requests[\"nvidia.com/gpu\"]: '4' is not the limit '8'; "
                "devices are not overcommitted: write the same number twice"}});
}
