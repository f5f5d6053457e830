// What serving emits: the article's example, defaults, backends, rollout, probes and drain.
#include "given.h"

using namespace swift::k8sgen;

namespace {

const std::string kBase = "model: /models/qwen3-8b\ndeploy:\n  name: web\n  storage: {claim: models}\n";

std::vector<Object> article() {
  return of_file(fs::path(SWIFT_SOURCE_DIR) / "configs/kube/article.yaml");
}

}  // namespace

TEST_CASE("the article's Deployment and Service come out of the shipped example") {
  const auto objects = article();
  const Node deployment = the(objects, "Deployment");
  CHECK(deployment.text_at("metadata.name") == "ms-swift-qwen3-inference");
  CHECK(at(deployment, "spec.replicas").integer() == 2);
  const Node pod = at(deployment, "spec.template");
  CHECK(pod.text_at("metadata.labels.app") == "ms-swift");
  CHECK(pod.text_at("metadata.labels.role") == "inference");
  CHECK(at(pod, "spec.tolerations.0") ==
        map({{"key", "nvidia.com/gpu"}, {"operator", "Exists"}, {"effect", "NoSchedule"}}));
  CHECK(at(pod, "spec.nodeSelector").find("nvidia.com/gpu.product")->text() == "NVIDIA-H200");
  const Node container = at(pod, "spec.containers.0");
  CHECK(at(container, "ports.0.containerPort").integer() == 8000);
  CHECK(container.text_at("imagePullPolicy") == "IfNotPresent");
  CHECK(variable_of(pod, "MODEL_NAME") == "qwen3-7b-chat");
  CHECK(variable_of(pod, "QUANTIZATION_TYPE") == "awq");
  const Node limits = at(container, "resources.limits");
  CHECK(limits == map({{"cpu", "16"}, {"memory", "48Gi"}, {"nvidia.com/gpu", "1"}}));
  CHECK(at(container, "resources.requests") ==
        map({{"cpu", "8"}, {"memory", "32Gi"}, {"nvidia.com/gpu", "1"}}));
  CHECK(at(pod, "spec.securityContext.runAsUser").integer() == 1000);
  CHECK(at(pod, "spec.securityContext.runAsNonRoot").boolean());
  CHECK_FALSE(at(container, "securityContext.allowPrivilegeEscalation").boolean());
  const Node volume = the(objects, "PersistentVolume");
  CHECK(volume.text_at("spec.nfs.path") == "/exports/models");
  CHECK(at(container, "volumeMounts.1.mountPath").text() == "/models");
  CHECK(at(container, "volumeMounts.2.mountPath").text() == "/logs");
  const Node service = the(objects, "Service");
  CHECK(service.text_at("metadata.name") == "ms-swift-qwen3-service");
  CHECK(service.text_at("spec.type") == "ClusterIP");
  CHECK(at(service, "spec.ports.0.port").integer() == 80);
  CHECK_FALSE(has(objects, "Secret"));
}

TEST_CASE("no key, label or annotation of a user changes a selector") {
  const auto objects = of(kBase + "  labels: {app: x, app.kubernetes.io/name: mine}\n");
  const Node deployment = the(objects, "Deployment");
  CHECK(at(deployment, "spec.selector.matchLabels").keys().size() == 3);
  CHECK(at(deployment, "spec.template.metadata.labels").find("app.kubernetes.io/name")->text() == "swift");
  CHECK(at(deployment, "metadata.labels").text_at("app") == "x");
}

TEST_CASE("a pod is Guaranteed unless the task asks for less than its limits") {
  const auto container = [](const std::string& more) {
    return at(the(of(kBase + more), "Deployment"), "spec.template.spec.containers.0.resources");
  };
  const Node plain = container("");
  CHECK(at(plain, "limits") == at(plain, "requests"));
  const Node limited = container("  resources: {limits: {memory: 65536Mi, cpu: 4000m}}\n");
  CHECK(limited.text_at("limits.memory") == "64Gi");
  CHECK(limited.text_at("requests.cpu") == "4");
  const Node cpu = container("  gpus: 0\n");
  CHECK(at(cpu, "limits").find("nvidia.com/gpu") == nullptr);
}

TEST_CASE("an autoscaler owns the number of replicas") {
  const auto objects = of(kBase + "  replicas: 3\n  autoscaling: {min: 2, max: 5, target: 7}\n");
  CHECK(the(objects, "Deployment").at("spec.replicas") == nullptr);
  const Node scaler = the(objects, "HorizontalPodAutoscaler");
  CHECK(at(scaler, "spec.minReplicas").integer() == 2);
  CHECK(at(scaler, "spec.metrics.0.pods.metric.name").text() == "swift_num_requests_waiting");
  CHECK(at(scaler, "spec.metrics.0.pods.target.averageValue").text() == "7");
}

TEST_CASE("an update never asks for GPUs that may not be there, and a volume of one node is handed over") {
  const auto strategy = [](const std::string& yaml) {
    return at(the(of(yaml), "Deployment"), "spec.strategy");
  };
  CHECK(at(strategy(kBase), "rollingUpdate.maxSurge").integer() == 0);
  CHECK(at(strategy(kBase), "rollingUpdate.maxUnavailable").integer() == 1);
  CHECK(at(strategy(kBase + "  gpus: 0\n"), "rollingUpdate.maxSurge").integer() == 1);
  const std::string single =
      "model: /models/m\ndeploy:\n  name: w\n  storage: {storage_class: fast, size: 1Gi, access_mode: "
      "ReadWriteOnce}\n";
  CHECK(strategy(single).text_at("type") == "Recreate");
}

TEST_CASE("a disruption budget is there only for several replicas") {
  CHECK_FALSE(has(of(kBase), "PodDisruptionBudget"));
  CHECK(has(of(kBase + "  replicas: 2\n"), "PodDisruptionBudget"));
  CHECK(has(of(kBase + "  autoscaling: {min: 1, max: 2}\n"), "PodDisruptionBudget"));
}

TEST_CASE("the startup probe gives the model's bytes twice the time that they need") {
  const auto budget = [](const std::string& more) {
    const Node probe =
        at(the(of(kBase + more), "Deployment"), "spec.template.spec.containers.0.startupProbe");
    return at(probe, "failureThreshold").integer() * at(probe, "periodSeconds").integer();
  };
  // qwen3-8b: 16e9 bytes at 200 MB/s and a minute of overhead, twice.
  CHECK(budget("") == 280);
  CHECK(budget("  model_size: 400G\n") == 4120);
  CHECK(budget("  probes: {startup_seconds: 1000}\n") == 1000);
}

TEST_CASE("a pod drains before it ends, with what its version knows") {
  const auto pod = [](int minor) {
    Options options;
    options.version.minor = minor;
    return at(the(of(kBase, options), "Deployment"), "spec.template.spec");
  };
  CHECK(at(pod(33), "containers.0.lifecycle.preStop.sleep.seconds").integer() == 15);
  CHECK(words(at(pod(29), "containers.0.lifecycle.preStop.exec.command")) == "sleep 15");
  CHECK(at(pod(33), "terminationGracePeriodSeconds").integer() == 90);
}

TEST_CASE("each backend has its command, its flags and its health path") {
  const auto container = [](const std::string& more) {
    return at(the(of(kBase + more), "Deployment"), "spec.template.spec.containers.0");
  };
  const Node own = container("");
  CHECK(words(at(own, "command")) + " " + words(at(own, "args")) ==
        "swift deploy --config=/etc/swift/task.yaml --model=/models/qwen3-8b --served_model_name=qwen3-8b "
        "--host=0.0.0.0 --port=8000");
  CHECK(own.text_at("readinessProbe.httpGet.path") == "/ready");
  const Node vllm =
      container("  backend: vllm\n  gpus: 2\n  quantization: awq\n  backend_args: [--max-model-len=4096]\n");
  CHECK(words(at(vllm, "command")) + " " + words(at(vllm, "args")) ==
        "vllm serve /models/qwen3-8b --served-model-name=qwen3-8b --host=0.0.0.0 --port=8000 "
        "--tensor-parallel-size=2 --quantization=awq --max-model-len=4096");
  const Node sglang = container("  backend: sglang\n");
  CHECK(words(at(sglang, "command")) + " " + words(at(sglang, "args")) ==
        "python3 -m sglang.launch_server --model-path=/models/qwen3-8b --served-model-name=qwen3-8b "
        "--host=0.0.0.0 --port=8000 --enable-metrics --tp-size=1");
  const Node lmdeploy = container("  backend: lmdeploy\n  quantization: gptq\n");
  CHECK(words(at(lmdeploy, "command")) + " " + words(at(lmdeploy, "args")) ==
        "lmdeploy serve api_server /models/qwen3-8b --model-name=qwen3-8b --server-name=0.0.0.0 "
        "--server-port=8000 --tp=1 --model-format=gptq");
}

TEST_CASE("several nodes serve as a LeaderWorkerSet whose leader alone answers") {
  const auto objects = of(kBase + "  backend: sglang\n  nodes: 2\n  gpus: 8\n");
  CHECK_FALSE(has(objects, "Deployment"));
  const Node group = the(objects, "LeaderWorkerSet");
  CHECK(at(group, "spec.leaderWorkerTemplate.size").integer() == 2);
  const Node worker = at(group, "spec.leaderWorkerTemplate.workerTemplate.spec.containers.0");
  CHECK(contains(words(at(worker, "args")),
                 "--tp-size=16 --nnodes=$(LWS_GROUP_SIZE) --node-rank=$(LWS_WORKER_INDEX)"));
  CHECK(worker.find("readinessProbe") == nullptr);
  CHECK(the(objects, "Service").text_at("metadata.name") == "web-http");
  CHECK(contains(fault_of(kBase + "  backend: vllm\n  nodes: 2\n  service: {name: web}\n"),
                 "makes a Service of that name itself"));
  CHECK(the(objects, "Service").at("spec.selector")->find("swift/role")->text() == "leader");
  CHECK(contains(fault_of(kBase + "  nodes: 2\n"), "backend swift serves on one node"));
}

TEST_CASE("the way in is an Ingress, or a route of a Gateway") {
  const Node ingress =
      the(of(kBase + "  ingress: {host: a.example, class: nginx, tls_secret: t}\n"), "Ingress");
  CHECK(at(ingress, "spec.rules.0.http.paths.0.backend.service.name").text() == "web");
  CHECK(at(ingress, "spec.tls.0.hosts.0").text() == "a.example");
  const auto objects =
      of(kBase + "  ingress: {host: a.example, route: gateway, gateway: {name: g, namespace: n}}\n");
  CHECK_FALSE(has(objects, "Ingress"));
  CHECK(at(the(objects, "HTTPRoute"), "spec.parentRefs.0.namespace").text() == "n");
}

TEST_CASE("a changed task is a new hash on the pods, the number of replicas is not") {
  const auto hash = [](const std::string& yaml) {
    return at(the(of(yaml), "Deployment"), "spec.template.metadata.annotations")
        .find("swift/config-hash")
        ->text();
  };
  CHECK(hash(kBase) == hash(kBase + "  replicas: 4\n"));
  CHECK(hash(kBase) == hash("# a comment\n" + kBase));
  CHECK(hash(kBase) != hash("temperature: 0.5\n" + kBase));
}
