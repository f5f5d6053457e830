// Objects that break no rule, for tests that then break one: written as JSON, edited by JSON pointer.
#pragma once
#include <catch2/catch.hpp>
#include <initializer_list>
#include <string>
#include <vector>

#include "base/json.h"
#include "k8sgen/check.h"

namespace swift::k8sgen {

using base::Json;
using Objects = std::vector<Json>;

inline Node node_of(const Json& json) {
  if (json.is_object()) {
    Node node = Node::map();
    for (const auto& [key, value] : json.items()) node.set(key, node_of(value));
    return node;
  }
  if (json.is_array()) {
    Node node = Node::list();
    for (const Json& item : json) node.add(node_of(item));
    return node;
  }
  if (json.is_boolean()) return Node(json.get<bool>());
  if (json.is_number()) return Node(json.get<int64_t>());
  return Node(json.get<std::string>());
}

inline std::vector<Finding> findings_of(const Objects& objects, int minor = 33) {
  std::vector<Object> trees;
  for (const Json& object : objects) trees.push_back({node_of(object), "", ""});
  return check(trees, Version{minor});
}

// The messages, one a line, each behind its rule: "object_names: Service '1' …".
inline std::string faults(const Objects& objects, int minor = 33) {
  std::string lines;
  for (const Finding& finding : findings_of(objects, minor)) {
    if (!lines.empty()) lines += '\n';
    lines += std::string(finding.rule) + ": " + finding.message;
  }
  return lines;
}

// The objects with a value set under a JSON pointer of the first object of that kind, or removed when it is
// null.
inline Objects with(Objects objects, const std::string& kind, const std::string& pointer, const Json& value) {
  for (Json& object : objects) {
    if (object["kind"] != kind) continue;
    const Json::json_pointer where(pointer);
    if (value.is_null())
      object.at(where.parent_pointer()).erase(where.back());
    else
      object[where] = value;
    return objects;
  }
  throw std::runtime_error("no " + kind);
}

// A value (JSON, empty for none) put under a pointer of the first object of a kind, and what is then found.
struct Case {
  const char* kind;
  const char* pointer;
  const char* value;
  const char* faults;
};

inline void check_cases(const Objects& good, std::initializer_list<Case> cases) {
  REQUIRE(faults(good) == "");
  for (const Case& edit : cases) {
    const std::string value = edit.value;
    INFO(edit.kind << " " << edit.pointer << " " << value);
    CHECK(faults(with(good, edit.kind, edit.pointer, value.empty() ? Json() : Json::parse(value))) ==
          edit.faults);
  }
}

inline Json container(const Json& extra = Json::object()) {
  Json json = Json::parse(R"({"name": "server", "image": "registry.example/swift:1.2",
    "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
    "resources": {"limits": {"cpu": "16", "memory": "48Gi", "nvidia.com/gpu": "1"},
                  "requests": {"cpu": "8", "memory": "32Gi", "nvidia.com/gpu": "1"}},
    "volumeMounts": [{"name": "models", "mountPath": "/models"}, {"name": "shm", "mountPath": "/dev/shm"}]})");
  json.update(extra);
  return json;
}

// A pod template with the label `app.kubernetes.io/name: web`.
inline Json pod_template(const Json& first, const Json& extra = Json::object()) {
  Json json = Json::parse(R"({"metadata": {"labels": {"app.kubernetes.io/name": "web"}}, "spec": {
    "serviceAccountName": "web",
    "securityContext": {"runAsNonRoot": true, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "models", "persistentVolumeClaim": {"claimName": "web-models"}},
                {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}}]}})");
  json["spec"]["containers"] = Json::array({first});
  json["spec"].update(extra);
  return json;
}

inline Json object(const std::string& version, const std::string& kind, const std::string& name,
                   const Json& spec) {
  return {{"apiVersion", version},
          {"kind", kind},
          {"metadata",
           {{"name", name}, {"namespace", "llm"}, {"labels", {{"app.kubernetes.io/instance", "web"}}}}},
          {"spec", spec}};
}

inline Json deployment() {
  const Json server = container(Json::parse(R"({
    "ports": [{"name": "http", "containerPort": 8000}],
    "env": [{"name": "MODEL_NAME", "value": "web"},
            {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "api"}}}],
    "startupProbe": {"httpGet": {"path": "/health", "port": "http"}, "periodSeconds": 10, "failureThreshold": 30},
    "livenessProbe": {"httpGet": {"path": "/health", "port": "http"}},
    "readinessProbe": {"httpGet": {"path": "/ready", "port": 8000}},
    "lifecycle": {"preStop": {"sleep": {"seconds": 15}}},
    "volumeMounts": [{"name": "models", "mountPath": "/models"}, {"name": "shm", "mountPath": "/dev/shm"},
                     {"name": "task", "mountPath": "/etc/swift"}]})"));
  Json pod = pod_template(server, {{"terminationGracePeriodSeconds", 60}});
  pod["spec"]["volumes"].push_back(Json::parse(
      R"({"name": "task", "configMap": {"name": "web-task", "items": [{"key": "t.yaml", "path": "t.yaml"}]}})"));
  Json spec = Json::parse(R"({"selector": {"matchLabels": {"app.kubernetes.io/name": "web"}},
    "progressDeadlineSeconds": 600, "strategy": {"type": "RollingUpdate",
    "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}})");
  spec["template"] = pod;
  return object("apps/v1", "Deployment", "web", spec);
}

// Everything that serving emits.
inline Objects serving() {
  Json config = object("v1", "ConfigMap", "web-task", {});
  config.erase("spec");
  config["data"] = {{"t.yaml", "model: /models/q\n"}};
  const auto spec = [](const char* text) { return Json::parse(text); };
  Json volume = object("v1", "PersistentVolume", "web-models", spec(R"({"capacity": {"storage": "500Gi"},
    "accessModes": ["ReadWriteMany"], "storageClassName": "", "nfs": {"server": "nfs.example", "path": "/m"},
    "claimRef": {"name": "web-models", "namespace": "llm"}})"));
  volume["metadata"].erase("namespace");
  return {
      config,
      volume,
      object("v1", "PersistentVolumeClaim", "web-models", spec(R"({"accessModes": ["ReadWriteMany"],
            "storageClassName": "", "volumeName": "web-models", "resources": {"requests": {"storage": "500Gi"}}})")),
      object("v1", "Service", "web",
             spec(R"({"type": "ClusterIP", "selector": {"app.kubernetes.io/name": "web"},
            "ports": [{"name": "http", "port": 80, "targetPort": "http"}]})")),
      deployment(),
      object("autoscaling/v2", "HorizontalPodAutoscaler", "web", spec(R"({"minReplicas": 2, "maxReplicas": 8,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "metrics": [{"type": "Pods", "pods": {"metric": {"name": "swift_num_requests_waiting"},
                         "target": {"type": "AverageValue", "averageValue": "4"}}}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}}})")),
      object("policy/v1", "PodDisruptionBudget", "web", spec(R"({"maxUnavailable": 1,
            "selector": {"matchLabels": {"app.kubernetes.io/name": "web"}}})")),
      object("networking.k8s.io/v1", "Ingress", "web", spec(R"({"ingressClassName": "nginx",
            "tls": [{"hosts": ["llm.example"], "secretName": "llm-tls"}],
            "rules": [{"host": "llm.example", "http": {"paths": [{"path": "/", "pathType": "Prefix",
              "backend": {"service": {"name": "web", "port": {"name": "http"}}}}]}}]})")),
      object("networking.k8s.io/v1", "NetworkPolicy", "web", spec(R"({"podSelector":
            {"matchLabels": {"app.kubernetes.io/name": "web"}}, "policyTypes": ["Ingress"]})"))};
}

inline Json job_spec() {
  Json spec =
      Json::parse(R"({"backoffLimit": 2, "activeDeadlineSeconds": 36000, "podReplacementPolicy": "Failed",
    "podFailurePolicy": {"rules": [
      {"action": "FailJob", "onExitCodes": {"containerName": "server", "operator": "In", "values": [2, 3]}},
      {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]}})");
  spec["template"] = pod_template(container(), {{"restartPolicy", "Never"}});
  return spec;
}

inline Objects nightly() {
  return {object("batch/v1", "CronJob", "nightly",
                 {{"schedule", "0 2 * * *"},
                  {"timeZone", "Asia/Shanghai"},
                  {"concurrencyPolicy", "Forbid"},
                  {"startingDeadlineSeconds", 3600},
                  {"jobTemplate", {{"spec", job_spec()}}}})};
}

// Two nodes: an Indexed Job with its headless Service.
inline Objects two_nodes() {
  Json spec = job_spec();
  spec.update(Json{{"completionMode", "Indexed"}, {"completions", 2}, {"parallelism", 2}});
  spec["template"]["spec"]["subdomain"] = "train";
  return {
      object("v1", "Service", "train", Json::parse(R"({"clusterIP": "None", "publishNotReadyAddresses": true,
            "selector": {"batch.kubernetes.io/job-name": "train-0a1b2c3d"}})")),
      object("batch/v1", "Job", "train-0a1b2c3d", spec)};
}

}  // namespace swift::k8sgen
