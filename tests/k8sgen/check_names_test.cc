#include "objects.h"

using namespace swift::k8sgen;

TEST_CASE("names of objects follow the grammar of their kind") {
  check_cases(
      serving(),
      {{"Service", "/metadata/name", R"("1-web")",
        "object_names: Service '1-web' metadata.name: '1-web': begins with '1'; begin with a letter of a-z\n"
        "ingresses: Ingress 'web' spec.rules[0].http.paths[0].backend.service.name: Service 'web' is not in "
        "this set; name one that is"},
       {"PodDisruptionBudget", "/metadata/name", R"("a.b-")",
        "object_names: PodDisruptionBudget 'a.b-' metadata.name: 'a.b-': ends with '-'; end with a letter of "
        "a-z or a digit"},
       {"PodDisruptionBudget", "/metadata/name",
        R"("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")",
        "object_names: PodDisruptionBudget "
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' metadata.name: "
        "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…': 254 "
        "characters; at most 253 are allowed"}});
  check_cases(
      nightly(),
      {{"CronJob", "/metadata/name", R"("nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn")",
        "object_names: CronJob 'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn' metadata.name: "
        "'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn': 53 characters; at most 52 are allowed, as "
        "its Jobs add 11 characters"},
       {"CronJob", "/metadata/name", R"("My_Job")",
        "object_names: CronJob 'My_Job' metadata.name: 'My_Job': 'M' is not allowed; use a-z, 0-9 and '-'"},
       {"CronJob", "/metadata/name", "",
        "object_names: CronJob '' metadata.name: the name is empty; write one"}});
  check_cases(
      two_nodes(),
      {{"Job", "/metadata/name", R"("jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjj")",
        "object_names: Job 'jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjj' metadata.name: "
        "'jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjj': 64 characters; at most 63 are "
        "allowed\n"
        "service_selectors: Service 'train' spec.selector: 'batch.kubernetes.io/job-name=train-0a1b2c3d' "
        "matches no pod of this set in namespace 'llm'; use the labels of a pod template"}});
}

TEST_CASE("namespaces are labels") {
  check_cases(nightly(), {{"CronJob", "/metadata/namespace", R"("Team.A")",
                           "namespaces: CronJob 'nightly' metadata.namespace: 'Team.A': 'T' is not allowed; "
                           "use a-z, 0-9 and '-'"}});
}

TEST_CASE("containers, volumes and variables have good names, each once") {
  check_cases(nightly(),
              {{"CronJob", "/spec/jobTemplate/spec/template/spec/volumes/0/name", R"("Models")",
                "volume_names: CronJob 'nightly' spec.jobTemplate.spec.template.spec.volumes[0].name: "
                "'Models': 'M' is not allowed; use a-z, 0-9 and '-'\n"
                "mounts_declared: CronJob 'nightly' "
                "spec.jobTemplate.spec.template.spec.containers[0].volumeMounts[0].name: 'models' is no "
                "volume of the pod; declare it under volumes\n"
                "volumes_used: CronJob 'nightly' spec.jobTemplate.spec.template.spec.volumes[0].name: "
                "'Models' is mounted by no container; mount it or leave it out"}});
  check_cases(serving(), {{"Deployment", "/spec/template/spec/containers/0/env/0/name", R"("1KEY")",
                           "variable_names: Deployment 'web' spec.template.spec.containers[0].env[0].name: "
                           "'1KEY': begins with '1'; begin with a letter or '_'"},
                          {"Deployment", "/spec/template/spec/containers/0/env/0/name", R"("KEY")",
                           "variable_names: Deployment 'web' spec.template.spec.containers[0].env[1].name: "
                           "'KEY': a second variable of this name; give each its own"}});
}

TEST_CASE("references are names") {
  check_cases(serving(), {{"Deployment", "/spec/template/spec/serviceAccountName", R"("A")",
                           "reference_names: Deployment 'web' spec.template.spec.serviceAccountName: 'A': "
                           "'A' is not allowed; use a-z, 0-9, '-' and '.'"},
                          {"Deployment", "/spec/template/spec/priorityClassName", R"("high_priority")",
                           "reference_names: Deployment 'web' spec.template.spec.priorityClassName: "
                           "'high_priority': '_' is not allowed; use a-z, 0-9, '-' and '.'"},
                          {"Deployment", "/spec/template/spec/imagePullSecrets", R"([{"name": "_"}])",
                           "reference_names: Deployment 'web' spec.template.spec.imagePullSecrets[0].name: "
                           "'_': '_' is not allowed; use a-z, 0-9, '-' and '.'"},
                          {"Ingress", "/spec/ingressClassName", R"("NGINX")",
                           "reference_names: Ingress 'web' spec.ingressClassName: 'NGINX': 'N' is not "
                           "allowed; use a-z, 0-9, '-' and '.'"}});
}
