// The pods of serving and training. Defaults keep Pod Security "restricted" (kubernetes-cli-web.md
// section 2.4).
#include <algorithm>
#include <string>

#include "k8sgen/parts.h"

namespace swift::k8sgen {
namespace {

constexpr const char* kHome = "/home/swift";
constexpr const char* kConfigDirectory = "/etc/swift";
constexpr int64_t kSecretMode = 0440;  // owner and group may read

// Variables by name; a later one takes the place of an earlier.
class Environment {
 public:
  void set(Node entry) {
    const std::string name = entry.text_at("name");
    for (Node& old : entries_) {
      if (old.text_at("name") == name) {
        old = std::move(entry);
        return;
      }
    }
    entries_.push_back(std::move(entry));
  }
  void set(const std::string& name, const Node& value) { set(variable(name, value)); }
  void set_all(const config::StringMap& map, const std::string& setting) {
    for (const auto& [key, value] : map) {
      const std::string place = setting + "/" + config::pointer_part(key);
      set(k8sgen::map({{"name", Node(key).from(place)}, {"value", Node(value).from(place)}}));
    }
  }
  Node list() const { return Node::list(entries_); }

 private:
  std::vector<Node> entries_;
};

std::string secret_place(size_t i, const char* part) {
  return "/deploy/secrets/" + std::to_string(i) + "/" + part;
}

void add_secrets(const Plan& plan, Environment& environment) {
  for (size_t i = 0; i < plan.deploy.secrets.size(); ++i) {
    const config::SecretReference& secret = plan.deploy.secrets[i];
    if (!secret.env) continue;
    environment.set(
        map({{"name", Node(*secret.env).from(secret_place(i, "env"))},
             {"valueFrom",
              map({{"secretKeyRef", map({{"name", Node(secret.name).from(secret_place(i, "name"))},
                                         {"key", Node(secret.key).from(secret_place(i, "key"))}})}})}}));
  }
}

void add_common(int64_t gpus, Environment& environment) {
  environment.set("HOME", kHome);
  environment.set("USER", "swift");  // the id has no entry in the image's list of users
  if (gpus > 0) environment.set("CUDA_CACHE_PATH", std::string(kHome) + "/.nv");
}

Node mounts(const Plan& plan, bool models_read_only) {
  Node list = Node::list();
  list.add(map({{"name", "config"}, {"mountPath", kConfigDirectory}, {"readOnly", true}}));
  if (!plan.claim.empty()) {
    Node models = map(
        {{"name", "models"}, {"mountPath", Node(plan.deploy.storage.mount).from("/deploy/storage/mount")}});
    models.set_if(models_read_only, "readOnly", true);
    list.add(models);
  }
  list.add(map({{"name", "logs"}, {"mountPath", Node(plan.deploy.logs_mount).from("/deploy/logs_mount")}}));
  list.add(map({{"name", "tmp"}, {"mountPath", "/tmp"}}));
  list.add(map({{"name", "home"}, {"mountPath", kHome}}));
  list.add(map({{"name", "shm"}, {"mountPath", "/dev/shm"}}));
  for (size_t i = 0; i < plan.deploy.secrets.size(); ++i) {
    const auto& mount = plan.deploy.secrets[i].mount;
    if (!mount) continue;
    list.add(map({{"name", "secret-" + std::to_string(i)},
                  {"mountPath", Node(*mount).from(secret_place(i, "mount"))},
                  {"readOnly", true}}));
  }
  return list;
}

Node volumes(const Plan& plan, const Chosen& config_map, const PodSize& size, bool models_read_only) {
  Node list = Node::list();
  list.add(map({{"name", "config"}, {"configMap", map({{"name", config_map.node()}})}}));
  if (!plan.claim.empty()) {
    Node claim = map({{"claimName", Node(plan.claim).from("/deploy/storage")}});
    claim.set_if(models_read_only, "readOnly", true);
    list.add(map({{"name", "models"}, {"persistentVolumeClaim", claim}}));
  }
  list.add(map({{"name", "logs"}, {"emptyDir", Node::map()}}));
  list.add(map({{"name", "tmp"}, {"emptyDir", Node::map()}}));
  list.add(map({{"name", "home"}, {"emptyDir", Node::map()}}));
  list.add(map({{"name", "shm"}, {"emptyDir", map({{"medium", "Memory"}, {"sizeLimit", size.shm.node()}})}}));
  for (size_t i = 0; i < plan.deploy.secrets.size(); ++i) {
    const config::SecretReference& secret = plan.deploy.secrets[i];
    if (!secret.mount) continue;
    const Node key = Node(secret.key).from(secret_place(i, "key"));
    list.add(map({{"name", "secret-" + std::to_string(i)},
                  {"secret", map({{"secretName", Node(secret.name).from(secret_place(i, "name"))},
                                  {"defaultMode", kSecretMode},
                                  {"items", k8sgen::list({map({{"key", key}, {"path", key}})})}})}}));
  }
  return list;
}

Node tolerations(const Plan& plan, int64_t gpus) {
  Node all = Node::list();
  if (gpus > 0) {
    all.add(map({{"key", Node(plan.deploy.gpu_resource).from("/deploy/gpu_resource")},
                 {"operator", "Exists"},
                 {"effect", "NoSchedule"}}));
  }
  for (size_t i = 0; i < plan.deploy.tolerations.size(); ++i) {
    const config::Toleration& own = plan.deploy.tolerations[i];
    Node node = Node::map();
    node.set_if(!own.key.empty(), "key", own.key);
    node.set("operator", own.op);
    node.set_if(!own.value.empty(), "value", own.value);
    node.set_if(!own.effect.empty(), "effect", own.effect);
    if (own.toleration_seconds) node.set("tolerationSeconds", *own.toleration_seconds);
    all.add(std::move(node).from("/deploy/tolerations/" + std::to_string(i)));
  }
  return all;
}

Node node_labels(const config::StringMap& labels, const std::string& setting) {
  Node node = Node::map();
  for (const auto& [key, value] : labels)
    node.set(key, Node(value).from(setting + "/" + config::pointer_part(key)));
  return std::move(node).from(setting);
}

// What stands before the containers in both kinds of pod.
Node pod_spec(const Plan& plan, const Chosen& account, int64_t grace, int64_t gpus,
              const Node& node_selector) {
  Node spec = map({{"serviceAccountName", account.node()},
                   {"automountServiceAccountToken", false},
                   {"enableServiceLinks", false},
                   {"terminationGracePeriodSeconds", grace}});
  if (plan.deploy.priority_class)
    spec.set("priorityClassName", Node(*plan.deploy.priority_class).from("/deploy/priority_class"));
  if (plan.deploy.runtime_class)
    spec.set("runtimeClassName", Node(*plan.deploy.runtime_class).from("/deploy/runtime_class"));
  spec.set("securityContext", pod_security(plan));
  Node secrets = Node::list();
  for (const std::string& name : plan.deploy.image_pull_secrets)
    secrets.add(map({{"name", Node(name).from("/deploy/image_pull_secrets")}}));
  spec.set_if(!secrets.empty(), "imagePullSecrets", secrets);
  spec.set_if(!node_selector.empty(), "nodeSelector", node_selector);
  const Node tolerated = tolerations(plan, gpus);
  spec.set_if(!tolerated.empty(), "tolerations", tolerated);
  return spec;
}

Node resources(const PodSize& size) {
  return map({{"limits", size.limits}, {"requests", size.requests}});
}

Node http_probe(std::string_view path, int64_t period, int64_t timeout, int64_t failures) {
  return map({{"httpGet", map({{"path", path}, {"port", "http"}})},
              {"periodSeconds", period},
              {"timeoutSeconds", timeout},
              {"failureThreshold", failures}});
}

// The image may lack a shell: from 1.30 the kubelet itself waits.
Node pre_stop(const Plan& plan) {
  const int64_t seconds = plan.deploy.drain.pre_stop_seconds;
  Node hook = plan.version.at_least(kPreStopSleep)
                  ? map({{"sleep", map({{"seconds", seconds}})}})
                  : map({{"exec", map({{"command", list({"sleep", std::to_string(seconds)})}})}});
  return map({{"preStop", std::move(hook).from("/deploy/drain/pre_stop_seconds")}});
}

Node serving_container(const Plan& plan, Role role) {
  const Backend& backend = backend_of(plan);
  Node container = map({{"name", "server"},
                        {"image", plan.image.node()},
                        {"imagePullPolicy", plan.deploy.image_pull_policy},
                        {"command", backend.command(plan)},
                        {"args", backend.arguments(plan, role)}});
  if (role != Role::worker) {
    container.set("ports",
                  list({map({{"name", "http"},
                             {"containerPort",
                              Node(plan.deploy.service.target_port).from("/deploy/service/target_port")},
                             {"protocol", "TCP"}})}));
  }
  Environment environment;
  add_common(plan.deploy.gpus, environment);
  environment.set("MODEL_NAME", plan.model_name.node());
  if (!plan.quantization.empty()) environment.set("QUANTIZATION_TYPE", plan.quantization);
  environment.set_all(plan.deploy.env, "/deploy/env");
  add_secrets(plan, environment);
  container.set("env", environment.list());
  container.set("resources", resources(plan.serve_size));
  if (role != Role::worker) {
    const int64_t period = plan.deploy.probes.period_seconds;
    const int64_t tries = (plan.startup_seconds + period - 1) / period;
    container.set("startupProbe",
                  http_probe(backend.alive, period, 5, tries).from("/deploy/probes/startup_seconds"));
    container.set("readinessProbe", http_probe(backend.ready, period, 5, 3));
    container.set("livenessProbe", http_probe(backend.alive, period, 10, 6));
    container.set("lifecycle", pre_stop(plan));
  }
  container.set("securityContext", container_security(plan));
  container.set("terminationMessagePolicy", "FallbackToLogsOnError");
  container.set("volumeMounts", mounts(plan, true));
  return container;
}

// The settings a reader looks for first stand in the arguments too; the file holds them all.
Node training_arguments(const Plan& plan) {
  Node arguments = list({"train"});
  const auto one = [&](const char* key, const Chosen& value) {
    arguments.add(Node(std::string("--") + key + "=" + value.text).from(value.setting));
  };
  const config::Task& task = plan.task;
  if (!plan.train_model.text.empty()) one("model", plan.train_model);
  if (task.is_set("model_type") && !task.model_type.empty())
    one("model_type", {task.model_type, "/model_type"});
  if (task.dataset.size() == 1) {
    one("dataset", {task.dataset[0], "/dataset"});
  } else if (!task.dataset.empty()) {
    arguments.add("--dataset");
    for (const std::string& data : task.dataset) arguments.add(Node(data).from("/dataset"));
  }
  if (task.is_set("method")) one("method", {task.method, "/method"});
  one("output_dir", plan.output_dir);
  one("config", {std::string(kConfigDirectory) + "/task.yaml", ""});
  // A pod that was evicted goes on from its newest checkpoint. A nightly run begins anew.
  if (!plan.cron_job && !task.is_set("resume_from_checkpoint")) one("resume_from_checkpoint", {"auto", ""});
  return arguments;
}

}  // namespace

Node pod_security(const Plan& plan) {
  const config::Security& s = plan.deploy.security;
  const Node user = Node(s.run_as_user).from("/deploy/security/run_as_user");
  return map(
      {{"runAsNonRoot", true},
       {"runAsUser", user},
       {"runAsGroup", Node(s.run_as_group.value_or(s.run_as_user)).from("/deploy/security/run_as_group")},
       {"fsGroup", Node(s.fs_group.value_or(s.run_as_user)).from("/deploy/security/fs_group")},
       {"fsGroupChangePolicy", "OnRootMismatch"},
       {"seccompProfile", map({{"type", "RuntimeDefault"}})}});
}

Node container_security(const Plan& plan) {
  const config::Security& s = plan.deploy.security;
  return map({{"allowPrivilegeEscalation", false},
              {"privileged", false},
              {"readOnlyRootFilesystem", s.read_only_root},
              {"runAsNonRoot", true},
              {"runAsUser", Node(s.run_as_user).from("/deploy/security/run_as_user")},
              {"capabilities", map({{"drop", list({"ALL"})}})}});
}

Node serving_pod(const Plan& plan, Role role) {
  const Chosen config = serving_config(plan);
  const config::Drain& drain = plan.deploy.drain;
  // The wait before SIGTERM, the requests under way, and time to exit.
  const int64_t grace = drain.pre_stop_seconds + drain.drain_seconds + 15;
  Node spec = pod_spec(plan, plan.name, grace, plan.deploy.gpus,
                       node_labels(plan.deploy.node_selector, "/deploy/node_selector"));
  if (role == Role::single && plan.several_replicas()) {
    spec.set("topologySpreadConstraints",
             list({map({{"maxSkew", 1},
                        {"topologyKey", "kubernetes.io/hostname"},
                        {"whenUnsatisfiable", "ScheduleAnyway"},
                        {"labelSelector", map({{"matchLabels", selector(plan, kInference)}})}})}));
  }
  spec.set("containers", list({serving_container(plan, role)}));
  spec.set("volumes", volumes(plan, config, plan.serve_size, true));
  Node pod_labels = labels(plan, kInference);
  if (role == Role::leader) pod_labels.set("swift/role", "leader");
  return map({{"metadata", map({{"labels", pod_labels},
                                {"annotations", map({{"swift/config-hash", plan.config_hash}})}})},
              {"spec", spec}});
}

Node training_environment(const Plan& plan, Node variables) {
  Environment environment;
  add_common(plan.train_size.gpus, environment);
  for (const Node& entry : variables.items()) environment.set(entry);
  environment.set_all(plan.deploy.env, "/deploy/env");
  environment.set_all(plan.deploy.train.env, "/deploy/train/env");
  add_secrets(plan, environment);
  return environment.list();
}

Node training_volumes(const Plan& plan, const Chosen& config_map) {
  return volumes(plan, config_map, plan.train_size, false);
}

Node training_container(const Plan& plan, const char* name, Node variables) {
  return map({{"name", name},
              {"image", plan.train_image.node()},
              {"imagePullPolicy", plan.deploy.image_pull_policy},
              {"command", list({"swift"})},
              {"args", training_arguments(plan)},
              {"env", training_environment(plan, std::move(variables))},
              {"resources", resources(plan.train_size)},
              {"securityContext", container_security(plan)},
              {"terminationMessagePolicy", "FallbackToLogsOnError"},
              {"volumeMounts", mounts(plan, false)}});
}

Node training_pod(const Plan& plan, const char* container, Node variables, const Chosen& config_map) {
  const config::TrainPart& train = plan.deploy.train;
  const Node nodes = train.node_selector ? node_labels(*train.node_selector, "/deploy/train/node_selector")
                                         : node_labels(plan.deploy.node_selector, "/deploy/node_selector");
  Node spec = pod_spec(plan, plan.train_name, train.grace_seconds, plan.train_size.gpus, nodes);
  spec.set("restartPolicy", "Never");
  spec.set("containers", list({training_container(plan, container, std::move(variables))}));
  spec.set("volumes", training_volumes(plan, config_map));
  return map({{"metadata", map({{"labels", labels(plan, kTraining)},
                                {"annotations", map({{"swift/config-hash", plan.config_hash}})}})},
              {"spec", spec}});
}

}  // namespace swift::k8sgen
