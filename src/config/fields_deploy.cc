#include "config/deploy_table.h"

namespace swift::config {
namespace {

constexpr int64_t kPort = 65535;
constexpr int64_t kYear = 366 * 86400;

void resources(DeployTable& v, DeployResources& r) {
  v("limits", &r.limits,
    "Upper bounds by resource: cpu, memory, ephemeral-storage, others; GPUs come from gpus");
  v("requests", &r.requests, "What the scheduler reserves; unset: the limits");
}

void toleration(DeployTable& v, Toleration& t) {
  v("key", &t.key, "Taint key");
  v("operator", &t.op, "Exists or Equal", {.one_of = {"Exists", "Equal"}});
  v("value", &t.value, "Taint value, for Equal");
  v("effect", &t.effect, "Empty: every effect",
    {.one_of = {"", "NoSchedule", "PreferNoSchedule", "NoExecute"}});
  v("tolerationSeconds", &t.toleration_seconds, "For NoExecute: seconds until eviction", {.min = 0});
}

void nfs(DeployTable& v, Nfs& n) {
  v("server", &n.server, "Host of the export", {.required = true});
  v("path", &n.path, "Exported path", {.required = true});
  v("mount_options", &n.mount_options, "Options of the mount");
}

void storage(DeployTable& v, Storage& s) {
  v.section("nfs", s.nfs, nfs, "An NFS export, as a static PersistentVolume and its claim");
  v("claim", &s.claim, "An existing PersistentVolumeClaim instead");
  v("storage_class", &s.storage_class, "A new claim of this StorageClass instead");
  v("size", &s.size, "Size of the volume (quantity); NFS: 1Ti when unset");
  v("access_mode", &s.access_mode, "Access mode of the claim; unset: ReadWriteMany",
    {.one_of = {"ReadWriteMany", "ReadOnlyMany", "ReadWriteOnce", "ReadWriteOncePod"}});
  v("mount", &s.mount, "Where the volume is mounted; model paths lie inside it");
}

void service(DeployTable& v, ServicePart& s) {
  v("name", &s.name, "Name of the Service; unset: deploy.name");
  v("port", &s.port, "Port of the Service", {.min = 1, .max = kPort});
  v("target_port", &s.target_port, "Port on which the server listens", {.min = 1, .max = kPort});
}

void gateway(DeployTable& v, Gateway& g) {
  v("name", &g.name, "Gateway that the route attaches to", {.required = true});
  v("namespace", &g.namespace_, "Its namespace; unset: that of the objects");
}

void ingress(DeployTable& v, IngressPart& i) {
  v("host", &i.host, "Host name; empty: every host");
  v("class", &i.class_name, "IngressClass; unset: the cluster's default");
  v("path", &i.path, "Path prefix");
  v("tls_secret", &i.tls_secret, "Secret with the certificate");
  v("route", &i.route, "An Ingress, or a Gateway API HTTPRoute", {.one_of = {"ingress", "gateway"}});
  v.section("gateway", i.gateway, gateway, "For route gateway");
  v("annotations", &i.annotations, "Annotations of the Ingress, such as time limits of its controller");
}

void autoscaling(DeployTable& v, Autoscaling& a) {
  v("min", &a.min, "Fewest replicas; 0 only with keda", {.min = 0, .max = 10000});
  v("max", &a.max, "Most replicas", {.min = 1, .max = 10000});
  v("metric", &a.metric, "Metric of the pods; unset: the backend's number of waiting requests");
  v("target", &a.target, "Average value per pod", {.min = 1});
  v("provider", &a.provider, "HorizontalPodAutoscaler (needs a metrics adapter), or a KEDA ScaledObject",
    {.one_of = {"hpa", "keda"}});
  v("prometheus", &a.prometheus, "Address of Prometheus, for keda");
}

void peer(DeployTable& v, NetworkPeer& p) {
  v("namespace", &p.namespace_, "Namespace by its name");
  v("pods", &p.pods, "Labels of pods");
  v("cidr", &p.cidr, "Addresses, instead of a namespace");
  v("port", &p.port, "Port; unset: the server's for allow_from, all for allow_to", {.min = 1, .max = kPort});
}

void network(DeployTable& v, Network& n) {
  v("policy", &n.policy, "Emit a NetworkPolicy that denies the rest");
  v.records("allow_from", n.allow_from, peer,
            "Who may reach the server; unset: the namespace, and with ingress all");
  v.records("allow_to", n.allow_to, peer, "Where the pods may go, beside DNS and their own job");
}

void monitoring(DeployTable& v, Monitoring& m) {
  v("pod_monitor", &m.pod_monitor, "Emit a PodMonitor (Prometheus Operator)");
  v("interval", &m.interval, "Time between scrapes");
}

void secret(DeployTable& v, SecretReference& s) {
  v("name", &s.name, "Name of an existing Secret", {.required = true});
  v("key", &s.key, "Key in it", {.required = true});
  v("mount", &s.mount, "Directory in which a file named as the key appears");
  v("env", &s.env, "Environment variable that takes the value");
}

void security(DeployTable& v, Security& s) {
  v("run_as_user", &s.run_as_user, "User id of every container; never 0", {.min = 1, .max = 4294967294});
  v("run_as_group", &s.run_as_group, "Group id; unset: run_as_user", {.min = 1, .max = 4294967294});
  v("fs_group", &s.fs_group, "Group of mounted volumes; unset: run_as_user", {.min = 1, .max = 4294967294});
  v("read_only_root", &s.read_only_root, "The container's own file system cannot be written");
}

void rollout(DeployTable& v, Rollout& r) {
  v("max_surge", &r.max_surge, "Extra pods during an update; unset: 0 with GPUs (they may be scarce), else 1",
    {.min = 0});
  v("max_unavailable", &r.max_unavailable, "Pods that may lack during an update; unset: 1 with GPUs, else 0",
    {.min = 0});
}

void probes(DeployTable& v, Probes& p) {
  v("startup_seconds", &p.startup_seconds, "Time the model may take to load; unset: from model_size",
    {.min = 1, .max = 86400});
  v("period_seconds", &p.period_seconds, "Time between probes", {.min = 1, .max = 300});
}

void drain(DeployTable& v, Drain& d) {
  v("pre_stop_seconds", &d.pre_stop_seconds, "Wait before SIGTERM, until no new request comes",
    {.min = 1, .max = 3600});
  v("drain_seconds", &d.drain_seconds, "Time for requests under way after SIGTERM", {.min = 1, .max = 86400});
}

void train(DeployTable& v, TrainPart& t) {
  v("name", &t.name, "Base of the training objects' names; unset: deploy.name and -train");
  v("image", &t.image, "Image; unset: deploy.image when the backend is swift");
  v("model", &t.model, "Model directory inside the training pod; unset: model");
  v("schedule", &t.schedule, "Cron schedule of five fields: a CronJob; unset: a Job");
  v("time_zone", &t.time_zone, "IANA time zone of the schedule");
  v("nodes", &t.nodes, "Pods that train together", {.min = 1, .max = 1000});
  v("gpus", &t.gpus, "GPUs per pod; unset: deploy.gpus", {.min = 0, .max = 64});
  v.section("resources", t.resources, resources, "Of each training pod");
  v("launcher", &t.launcher, "Kind of the training object",
    {.one_of = {"job", "jobset", "pytorchjob", "trainjob", "volcano"}});
  v("runtime", &t.runtime, "ClusterTrainingRuntime of a TrainJob");
  v("queue", &t.queue, "A Kueue LocalQueue; for volcano, its queue");
  v("shrink_serving_to", &t.shrink_serving_to, "Serving replicas while the scheduled training runs",
    {.min = 0});
  v("restore_schedule", &t.restore_schedule,
    "When serving grows back; unset: the schedule plus deadline_seconds");
  v("labels", &t.labels, "Added to deploy.labels for training");
  v("env", &t.env, "Added to deploy.env for training");
  v("node_selector", &t.node_selector, "Unset: deploy.node_selector");
  v("deadline_seconds", &t.deadline_seconds, "Longest run; unset: 5 hours with a schedule, else 7 days",
    {.min = 60, .max = kYear});
  v("starting_deadline_seconds", &t.starting_deadline_seconds,
    "How late a missed scheduled run may still begin", {.min = 10, .max = 86400});
  v("backoff_limit", &t.backoff_limit, "Restarts after failures", {.min = 0, .max = 100});
  v("ttl_seconds", &t.ttl_seconds, "A finished Job is removed after this time", {.min = 0, .max = kYear});
  v("grace_seconds", &t.grace_seconds, "Time to save a checkpoint after SIGTERM", {.min = 1, .max = 86400});
  v("suspend", &t.suspend, "A CronJob that does not start runs");
  v("kubectl_image", &t.kubectl_image, "Image with kubectl that shrinks and restores serving");
}

void places(DeployTable& v, Deploy& d) {
  v.section("storage", d.storage, storage, "Where model files lie: one of nfs, claim, storage_class");
  v("logs_mount", &d.logs_mount, "Directory for logs, an emptyDir");
  v("model", &d.model, "Model directory inside the pod; unset: model, or model_name inside storage.mount");
  v("model_name", &d.model_name, "Name the server answers to; unset: last part of the model path");
  v("model_size", &d.model_size, "Bytes of the weights (quantity); unset: measured, or taken from the name");
  v("quantization", &d.quantization, "How the weights are quantized; unset: quant_method",
    {.one_of = {"awq", "gptq", "fp8"}});
}

}  // namespace

std::vector<DeployRow> deploy_rows(Deploy& d) {
  DeployTable v;
  v("name", &d.name, "Base of every object's name; unset: from model_name");
  v("namespace", &d.namespace_, "Namespace of every object; unset: kubectl's current one");
  v("image", &d.image, "Container image; unset: the backend's, at a pinned version");
  v("image_pull_policy", &d.image_pull_policy, "When the image is pulled",
    {.one_of = {"IfNotPresent", "Always", "Never"}});
  v("image_pull_secrets", &d.image_pull_secrets, "Secrets of the registry");
  v("backend", &d.backend, "Server", {.one_of = {"swift", "vllm", "sglang", "lmdeploy"}});
  v("backend_args", &d.backend_args, "Further arguments of the server");
  v("workload", &d.workload, "Kind of the serving object",
    {.one_of = {"deployment", "leaderworkerset", "inferenceservice"}});
  v("replicas", &d.replicas, "Serving pods (groups, for a LeaderWorkerSet); left out with autoscaling",
    {.min = 0, .max = 10000});
  v("nodes", &d.nodes, "Pods of one replica; above 1: a LeaderWorkerSet", {.min = 1, .max = 1000});
  v("gpus", &d.gpus, "GPUs per pod; 0: CPU", {.min = 0, .max = 64});
  v("gpu_resource", &d.gpu_resource, "Resource name of a GPU");
  v.section("resources", d.resources, resources, "Of each serving pod");
  v("shm_size", &d.shm_size,
    "Size of /dev/shm (quantity), counted as memory; unset: 8Gi with GPUs, else 1Gi");
  v("node_selector", &d.node_selector, "Labels of nodes");
  v.records("tolerations", d.tolerations, toleration, "Added to the GPU toleration");
  v("labels", &d.labels, "Added to ours; selectors are untouched");
  v("annotations", &d.annotations, "Added to every object");
  v("priority_class", &d.priority_class, "PriorityClass of the pods");
  v("runtime_class", &d.runtime_class, "RuntimeClass of the pods");
  places(v, d);
  v.section("service", d.service, service, "The Service");
  v.section("ingress", d.ingress, ingress, "The way in from outside the cluster");
  v.section("autoscaling", d.autoscaling, autoscaling, "Number of replicas by load");
  v.section("network", d.network, network, "Who may talk to the pods");
  v.section("monitoring", d.monitoring, monitoring, "Metrics");
  v.records("secrets", d.secrets, secret, "References to Secrets, never their values");
  v("env", &d.env, "Environment of every container; no secrets");
  v.section("security", d.security, security, "Identity of the containers");
  v.section("rollout", d.rollout, rollout, "Updates of the Deployment");
  v.section("probes", d.probes, probes, "Health checks");
  v.section("drain", d.drain, drain, "How a pod leaves without losing a request");
  v.section("train", d.train, train, "The training run");
  return v.take();
}

}  // namespace swift::config
