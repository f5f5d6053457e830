#include "objects.h"

using namespace swift::k8sgen;

TEST_CASE("references to Secrets have a name and a key") {
  check_cases(
      serving(),
      {{"Deployment", "/spec/template/spec/containers/0/env/1/valueFrom/secretKeyRef/name", "",
        "secret_references: Deployment 'web' "
        "spec.template.spec.containers[0].env[1].valueFrom.secretKeyRef.name: no name of the Secret; write "
        "it"},
       {"Deployment", "/spec/template/spec/containers/0/env/1/valueFrom/secretKeyRef/key", "",
        "secret_references: Deployment 'web' "
        "spec.template.spec.containers[0].env[1].valueFrom.secretKeyRef.key: no key within the Secret; write "
        "which of its entries is meant"},
       {"Deployment", "/spec/template/spec/containers/0/env/1/valueFrom/secretKeyRef/key", R"("a/b")",
        "secret_references: Deployment 'web' "
        "spec.template.spec.containers[0].env[1].valueFrom.secretKeyRef.key: 'a/b': '/' is not allowed; use "
        "A-Z, a-z, 0-9, '-', '_' and '.'"},
       {"Deployment", "/spec/template/spec/containers/0/envFrom", R"([{"secretRef": {}}])",
        "secret_references: Deployment 'web' spec.template.spec.containers[0].envFrom[0].secretRef.name: no "
        "name of the Secret; write it"}});
  check_cases(
      nightly(),
      {{"CronJob", "/spec/jobTemplate/spec/template/spec/volumes/0", R"({"name": "models", "secret": {}})",
        "secret_references: CronJob 'nightly' "
        "spec.jobTemplate.spec.template.spec.volumes[0].secret.secretName: no name of the Secret; write it"},
       {"CronJob", "/spec/jobTemplate/spec/template/spec/volumes/0",
        R"({"name": "models", "secret": {"secretName": "s", "items": [{"key": "k", "path": "/k"}]}})",
        "secret_references: CronJob 'nightly' "
        "spec.jobTemplate.spec.template.spec.volumes[0].secret.items[0].path: '/k' is no path within the "
        "volume; write a relative one without '..'"},
       {"CronJob", "/spec/jobTemplate/spec/template/spec/volumes/0",
        R"({"name": "models", "projected": {"sources": [{"secret": {"name": "S"}}]}})",
        "secret_references: CronJob 'nightly' "
        "spec.jobTemplate.spec.template.spec.volumes[0].projected.sources[0].secret.name: 'S': 'S' is not "
        "allowed; use a-z, 0-9, '-' and '.'"}});
}

TEST_CASE("variables have one source, and are texts") {
  check_cases(serving(), {{"Deployment", "/spec/template/spec/containers/0/env/1/value", R"("x")",
                           "variables: Deployment 'web' spec.template.spec.containers[0].env[1]: 'KEY' has "
                           "both value and valueFrom; write one"},
                          {"Deployment", "/spec/template/spec/containers/0/env/0/value", "8000",
                           "variables: Deployment 'web' spec.template.spec.containers[0].env[0].value: the "
                           "value of 'MODEL_NAME' is no text; write it in quotes"},
                          {"Deployment", "/spec/template/spec/containers/0/env/1/valueFrom/fieldRef",
                           R"({"fieldPath": "metadata.name"})",
                           "variables: Deployment 'web' spec.template.spec.containers[0].env[1].valueFrom: "
                           "'KEY' has 2 sources; write exactly one"}});
}

TEST_CASE("config maps have file names as keys, and texts") {
  check_cases(serving(), {{"ConfigMap", "/data/a b", R"("x")",
                           "config_maps: ConfigMap 'web-task' data.a b: the key 'a b': a blank is not "
                           "allowed; use A-Z, a-z, 0-9, '-', '_' and '.'"},
                          {"ConfigMap", "/data/n", "7",
                           "config_maps: ConfigMap 'web-task' data.n: 7 is no text; write it in quotes"},
                          {"ConfigMap", "/data/..", R"("x")",
                           "config_maps: ConfigMap 'web-task' data[\"..\"]: the key '..': begins with dots; "
                           "a key is used as a file name"}});
}

TEST_CASE("references to our config maps find them, and their keys") {
  check_cases(
      serving(),
      {{"ConfigMap", "/metadata/name", R"("web-other")",
        "config_map_references: Deployment 'web' spec.template.spec.volumes[2].configMap.name: ConfigMap "
        "'web-task' is not in this set, although its name is this task's; the pods would wait for it: name "
        "one that is"},
       {"Deployment", "/spec/template/spec/volumes/2/configMap/items/0/key", R"("task.yaml")",
        "config_map_references: Deployment 'web' spec.template.spec.volumes[2].configMap.items[0].key: "
        "'task.yaml' is no key of ConfigMap 'web-task'; name one of its keys"}});
}
