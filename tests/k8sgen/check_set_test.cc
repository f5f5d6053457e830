// Rules over the objects together, sizes, versions, and the setting that a fault is shown at.
#include "objects.h"

using namespace swift::k8sgen;

namespace {

Objects scaled_by_keda() {
  Objects objects = serving();
  for (Json& json : objects)
    if (json["kind"] == "HorizontalPodAutoscaler")
      json =
          object("keda.sh/v1alpha1", "ScaledObject", "web", Json::parse(R"({"scaleTargetRef": {"name": "web"},
        "minReplicaCount": 1, "maxReplicaCount": 4, "idleReplicaCount": 0, "triggers": [{"type": "prometheus"}]})"));
  return objects;
}

Objects routed() {
  Objects objects = serving();
  for (Json& json : objects)
    if (json["kind"] == "Ingress")
      json = object("gateway.networking.k8s.io/v1", "HTTPRoute", "web",
                    Json::parse(R"({"parentRefs": [{"name": "gw"}],
        "hostnames": ["llm.example"], "rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "backendRefs": [{"name": "web", "port": 80}]}]})"));
  return objects;
}

Objects with_roles() {
  const auto bare = [](const char* kind, const char* fields) {
    Json json = object("rbac.authorization.k8s.io/v1", kind, "web-scaler", {});
    json.erase("spec");
    json.update(Json::parse(fields));
    return json;
  };
  return {bare("ServiceAccount", "{}"), bare("Role", R"({"rules": []})"),
          bare("RoleBinding", R"({"roleRef": {"kind": "Role", "name": "web-scaler"},
            "subjects": [{"kind": "ServiceAccount", "name": "web-scaler"}]})")};
}

}  // namespace

TEST_CASE("the objects that the tests begin with break no rule, for any version") {
  for (int minor = 30; minor <= 37; ++minor) {
    CHECK(faults(serving(), minor) == "");
    CHECK(faults(nightly(), minor) == "");
    CHECK(faults(two_nodes(), minor) == "");
  }
  CHECK(faults({}) == "");
}

TEST_CASE("an object is in the set once") {
  Objects objects = serving();
  objects.push_back(objects.front());
  CHECK(faults(objects) ==
        "unique_objects: ConfigMap 'web-task' metadata.name: 'web-task': a second ConfigMap of this name in "
        "the set; "
        "the later would replace the earlier; give each its own name");
  objects.back()["metadata"]["namespace"] = "other";
  CHECK(faults(objects) == "");
}

TEST_CASE("a Secret is never part of the manifests") {
  CHECK(faults({{{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", {{"name", "keys"}}}}}) ==
        "no_secrets: Secret 'keys': manifests hold no Secret, as kubectl apply copies its data into an "
        "annotation; "
        "make it with kubectl create secret and refer to it by name and key");
}

TEST_CASE("a second container or volume of one name is refused") {
  const Json second = container();
  CHECK(faults(with(nightly(), "CronJob", "/spec/jobTemplate/spec/template/spec/containers/1", second)) ==
        "container_names: CronJob 'nightly' spec.jobTemplate.spec.template.spec.containers[1].name: "
        "'server': a second "
        "container of this name; give each its own");
  CHECK(faults(with(nightly(), "CronJob", "/spec/jobTemplate/spec/template/spec/volumes/2",
                    Json::parse(R"({"name": "shm", "emptyDir": {}})"))) ==
        "volume_names: CronJob 'nightly' spec.jobTemplate.spec.template.spec.volumes[2].name: 'shm': a "
        "second volume "
        "of this name; give each its own");
  CHECK(faults(with(nightly(), "CronJob", "/spec/jobTemplate/spec/template/spec/volumes/2",
                    Json::parse(R"({"name": "logs", "emptyDir": {}})"))) ==
        "volumes_used: CronJob 'nightly' spec.jobTemplate.spec.template.spec.volumes[2].name: 'logs' is "
        "mounted by no "
        "container; mount it or leave it out");
}

TEST_CASE("replicas are counted from zero, and left out beside an autoscaler") {
  Objects objects = serving();
  std::erase_if(objects, [](const Json& json) { return json["kind"] == "HorizontalPodAutoscaler"; });
  CHECK(faults(with(objects, "Deployment", "/spec/replicas", 2)) == "");
  CHECK(faults(with(objects, "Deployment", "/spec/replicas", -1)) ==
        "replicas: Deployment 'web' spec.replicas: -1 is below 0; write 0 or more");
}

TEST_CASE("bounds of a KEDA ScaledObject") {
  check_cases(scaled_by_keda(),
              {{"ScaledObject", "/spec/minReplicaCount", "5",
                "scaled_objects: ScaledObject 'web' spec.minReplicaCount: the minimum 5 is above the maximum "
                "4; lower one or "
                "raise the other"},
               {"ScaledObject", "/spec/idleReplicaCount", "1",
                "scaled_objects: ScaledObject 'web' spec.idleReplicaCount: 1 is not below minReplicaCount 1; "
                "KEDA wants fewer "
                "replicas when idle"},
               {"ScaledObject", "/spec/triggers", "[]",
                "scaled_objects: ScaledObject 'web' spec.triggers: no trigger; name what the number of "
                "replicas follows"},
               {"ScaledObject", "/spec/cooldownPeriod", "-1",
                "scaled_objects: ScaledObject 'web' spec.cooldownPeriod: -1 is below 0; write 0 or more"},
               {"ScaledObject", "/spec/scaleTargetRef/name", R"("other")",
                "scale_targets: ScaledObject 'web' spec.scaleTargetRef.name: Deployment 'other' is not in "
                "this set; name the "
                "object whose replicas it governs"},
               {"Deployment", "/spec/replicas", "2",
                "scaled_replicas: Deployment 'web' spec.replicas: 2 beside ScaledObject 'web': each apply "
                "would undo the "
                "autoscaler's choice; leave replicas out"}});
}

TEST_CASE("an HTTPRoute leads to a Service of the set") {
  check_cases(
      routed(),
      {{"HTTPRoute", "/spec/rules/0/backendRefs/0/name", R"("other")",
        "http_routes: HTTPRoute 'web' spec.rules[0].backendRefs[0].name: Service 'other' is not in this set; "
        "name one that is"},
       {"HTTPRoute", "/spec/rules/0/backendRefs/0/port", "8000",
        "http_routes: HTTPRoute 'web' spec.rules[0].backendRefs[0].port: 8000 is no port of Service 'web'; "
        "name one of its ports"},
       {"HTTPRoute", "/spec/rules/0/matches/0/path/value", R"("v1")",
        "http_routes: HTTPRoute 'web' spec.rules[0].matches[0].path.value: 'v1' does not begin with '/'; "
        "begin "
        "it so"},
       {"HTTPRoute", "/spec/hostnames/0", R"("10.0.0.1")",
        "http_routes: HTTPRoute 'web' spec.hostnames[0]: '10.0.0.1': an IP address; write a host name, or "
        "leave the host out to serve every name"},
       {"HTTPRoute", "/spec/parentRefs", "[]",
        "http_routes: HTTPRoute 'web' spec.parentRefs: no parent; name the Gateway that the route belongs "
        "to"}});
}

TEST_CASE("a RoleBinding binds what is in the set") {
  check_cases(with_roles(),
              {{"RoleBinding", "/roleRef/name", R"("other")",
                "role_references: RoleBinding 'web-scaler' roleRef.name: Role 'other' is not in this "
                "set; name one that is"},
               {"RoleBinding", "/subjects/0/name", R"("other")",
                "role_references: RoleBinding 'web-scaler' subjects[0].name: ServiceAccount 'other' is "
                "not in this set; name one that is"}});
}

TEST_CASE("config maps and annotations have a largest size") {
  CHECK(faults(with(serving(), "ConfigMap", "/data/big", std::string(1024 * 1024 - 30, 'x'))) == "");
  CHECK(faults(with(serving(), "ConfigMap", "/data/big", std::string(1024 * 1024, 'x'))) ==
        "config_maps: ConfigMap 'web-task' data: 1048602 bytes; a ConfigMap holds at most 1048576: shorten "
        "the task "
        "file or keep what is long on a volume");
  CHECK(faults(with(serving(), "Service", "/metadata/annotations", {{"a", std::string(262143, 'x')}})) == "");
  CHECK(faults(with(serving(), "Service", "/metadata/annotations", {{"a", std::string(262144, 'x')}})) ==
        "annotations: Service 'web' metadata.annotations: 262145 bytes of annotations; at most 262144 are "
        "allowed; "
        "shorten them");
}

TEST_CASE("fields that the target version does not have are refused") {
  CHECK(faults(serving(), 29) ==
        "newer_fields: Deployment 'web' spec.template.spec.containers[0].lifecycle.preStop.sleep: the sleep "
        "action "
        "exists from Kubernetes 1.30, and the target is 1.29; use an exec command or a newer --kube-version");
  const Objects conditions =
      with(nightly(), "CronJob", "/spec/jobTemplate/spec/podFailurePolicy/rules/1/onPodConditions/0/status",
           Json());
  CHECK(faults(conditions, 34) != "");
  CHECK(faults(conditions, 35) == "");
}

TEST_CASE("a fault is shown at the nearest setting above it, else at that of the object") {
  Node schedule = Node("0 0 2 * * *").from("/deploy/train/schedule");
  Node spec = map({{"schedule", schedule}, {"timeZone", "Mars/Base"}}).from("/deploy/train");
  const Node root = map({{"apiVersion", "batch/v1"},
                         {"kind", "CronJob"},
                         {"metadata", map({{"name", "a_b"}})},
                         {"spec", std::move(spec)}});
  const std::vector<Object> objects{{root, "", "/deploy"}};
  std::map<std::string, std::string> settings;
  for (const Finding& finding : check(objects, Version{})) settings.emplace(finding.rule, finding.setting);
  CHECK(settings["schedules"] == "/deploy/train/schedule");
  CHECK(settings["time_zones"] == "/deploy/train");
  CHECK(settings["object_names"] == "/deploy");
  // What is missing is shown at what would hold it.
  CHECK(settings["restart_policies"] == "/deploy/train");
}

TEST_CASE("one fault of one setting is told once") {
  const auto config = [](const char* name) {
    return Object{
        map({{"apiVersion", "v1"},
             {"kind", "ConfigMap"},
             {"metadata", map({{"name", name}, {"namespace", Node("A").from("/deploy/namespace")}})}}),
        "", ""};
  };
  const std::vector<Object> objects{config("a"), config("b")};
  const std::vector<Finding> findings = check(objects, Version{});
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].message ==
        "ConfigMap 'a' metadata.namespace: 'A': 'A' is not allowed; use a-z, 0-9 and '-'");
  CHECK(findings[0].setting == "/deploy/namespace");
}
