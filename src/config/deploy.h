// The section `deploy:` of a task: how it runs on Kubernetes. A member's name is its YAML key; ranges and
// help are declared once, in fields_deploy.cc.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/report.h"
#include "config/task.h"

namespace swift::config {

// In the order of the file.
using StringMap = std::vector<std::pair<std::string, std::string>>;

// A nested part; given: the file holds it.
struct Section {
  bool given = false;
};

struct DeployResources : Section {
  StringMap limits;    // quantities by resource
  StringMap requests;  // unset: the limits
};

struct Toleration {
  std::string key;
  std::string op = "Exists";  // YAML: operator
  std::string value;
  std::string effect;
  std::optional<int64_t> toleration_seconds;
};

struct Nfs : Section {
  std::string server;
  std::string path;
  std::vector<std::string> mount_options = {"nfsvers=4.1", "hard"};
};

struct Storage : Section {
  Nfs nfs;
  std::optional<std::string> claim;          // an existing PersistentVolumeClaim
  std::optional<std::string> storage_class;  // a new claim of this class
  std::optional<std::string> size;           // quantity
  std::optional<std::string> access_mode;    // unset: ReadWriteMany
  std::string mount = "/models";
};

struct ServicePart : Section {
  std::optional<std::string> name;
  int64_t port = 80;
  int64_t target_port = 8000;
};

struct Gateway : Section {
  std::string name;
  std::optional<std::string> namespace_;
};

struct IngressPart : Section {
  std::string host;
  std::optional<std::string> class_name;  // YAML: class
  std::string path = "/";
  std::optional<std::string> tls_secret;
  std::string route = "ingress";
  Gateway gateway;
  StringMap annotations;
};

struct Autoscaling : Section {
  int64_t min = 1;
  int64_t max = 1;
  std::optional<std::string> metric;  // unset: the backend's number of waiting requests
  int64_t target = 4;
  std::string provider = "hpa";
  std::optional<std::string> prometheus;  // address, for keda
};

struct NetworkPeer {
  std::optional<std::string> namespace_;
  StringMap pods;  // labels
  std::optional<std::string> cidr;
  std::optional<int64_t> port;
};

struct Network : Section {
  bool policy = true;
  std::vector<NetworkPeer> allow_from;
  std::vector<NetworkPeer> allow_to;
};

struct Monitoring : Section {
  bool pod_monitor = false;
  std::string interval = "30s";
};

struct SecretReference {
  std::string name;
  std::string key;
  std::optional<std::string> mount;
  std::optional<std::string> env;
};

struct Security : Section {
  int64_t run_as_user = 10001;
  std::optional<int64_t> run_as_group;  // unset: run_as_user
  std::optional<int64_t> fs_group;      // unset: run_as_user
  bool read_only_root = true;
};

struct Rollout : Section {
  std::optional<int64_t> max_surge;        // unset: 0 with GPUs, 1 without
  std::optional<int64_t> max_unavailable;  // unset: 1 with GPUs, 0 without
};

struct Probes : Section {
  std::optional<int64_t> startup_seconds;  // unset: from the model's bytes
  int64_t period_seconds = 10;
};

struct Drain : Section {
  int64_t pre_stop_seconds = 15;
  int64_t drain_seconds = 60;
};

struct TrainPart : Section {
  std::optional<std::string> name;
  std::optional<std::string> image;
  std::optional<std::string> model;
  std::optional<std::string> schedule;
  std::string time_zone = "Etc/UTC";
  int64_t nodes = 1;
  std::optional<int64_t> gpus;  // unset: deploy.gpus
  DeployResources resources;
  std::string launcher = "job";
  std::string runtime = "torch-distributed";
  std::optional<std::string> queue;
  std::optional<int64_t> shrink_serving_to;
  std::optional<std::string> restore_schedule;
  StringMap labels;
  StringMap env;
  std::optional<StringMap> node_selector;  // unset: deploy.node_selector
  std::optional<int64_t> deadline_seconds;
  int64_t starting_deadline_seconds = 3600;
  int64_t backoff_limit = 2;
  int64_t ttl_seconds = 604800;
  int64_t grace_seconds = 300;
  bool suspend = false;
  std::optional<std::string> kubectl_image;
};

struct Deploy : Section {
  std::optional<std::string> name;
  std::optional<std::string> namespace_;  // YAML: namespace
  std::optional<std::string> image;
  std::string image_pull_policy = "IfNotPresent";
  std::vector<std::string> image_pull_secrets;
  std::string backend = "swift";
  std::vector<std::string> backend_args;
  std::string workload = "deployment";
  int64_t replicas = 1;
  int64_t nodes = 1;
  int64_t gpus = 1;
  std::string gpu_resource = "nvidia.com/gpu";
  DeployResources resources;
  std::optional<std::string> shm_size;
  StringMap node_selector;
  std::vector<Toleration> tolerations;
  StringMap labels;
  StringMap annotations;
  std::optional<std::string> priority_class;
  std::optional<std::string> runtime_class;
  Storage storage;
  std::string logs_mount = "/logs";
  std::optional<std::string> model;
  std::optional<std::string> model_name;
  std::optional<std::string> model_size;
  std::optional<std::string> quantization;
  ServicePart service;
  IngressPart ingress;
  Autoscaling autoscaling;
  Network network;
  Monitoring monitoring;
  std::vector<SecretReference> secrets;
  StringMap env;
  Security security;
  Rollout rollout;
  Probes probes;
  Drain drain;
  TrainPart train;
};

// The section, typed. Unknown keys and ill-typed values go to the report with their place.
Deploy read_deploy(const Task& task, Report& report);

// Where a setting was given, by JSON pointer within the task ("/deploy/train/schedule", "/model"): the
// nearest part that has a place. A flag stands for itself ("--name"). A flag stands for itself ("--name").
Origin origin_of_setting(const Task& task, const std::string& pointer);

// One part of a JSON pointer, escaped (RFC 6901).
std::string pointer_part(std::string_view key);

}  // namespace swift::config
