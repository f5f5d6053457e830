#include "objects.h"

using namespace swift::k8sgen;

TEST_CASE("container ports are numbers with names, each once") {
  check_cases(
      nightly(),
      {{"CronJob", "/spec/jobTemplate/spec/template/spec/containers/0/ports", R"([{"containerPort": 0}])",
        "container_ports: CronJob 'nightly' "
        "spec.jobTemplate.spec.template.spec.containers[0].ports[0].containerPort: 0 is no port; write a "
        "number from 1 to 65535"},
       {"CronJob", "/spec/jobTemplate/spec/template/spec/containers/0/ports", R"([{"containerPort": 65536}])",
        "container_ports: CronJob 'nightly' "
        "spec.jobTemplate.spec.template.spec.containers[0].ports[0].containerPort: 65536 is no port; write a "
        "number from 1 to 65535"},
       {"CronJob", "/spec/jobTemplate/spec/template/spec/containers/0/ports",
        R"([{"containerPort": 80, "name": "a-name-too-long-1"}])",
        "container_ports: CronJob 'nightly' spec.jobTemplate.spec.template.spec.containers[0].ports[0].name: "
        "the port name 'a-name-too-long-1': 17 characters; at most 15 are allowed"},
       {"CronJob", "/spec/jobTemplate/spec/template/spec/containers/0/ports",
        R"([{"containerPort": 80, "name": "8080"}])",
        "container_ports: CronJob 'nightly' spec.jobTemplate.spec.template.spec.containers[0].ports[0].name: "
        "the port name '8080': holds no letter; a name has at least one of a-z"},
       {"CronJob", "/spec/jobTemplate/spec/template/spec/containers/0/ports",
        R"([{"containerPort": 80, "name": "a--b"}])",
        "container_ports: CronJob 'nightly' spec.jobTemplate.spec.template.spec.containers[0].ports[0].name: "
        "the port name 'a--b': holds '--'; write single hyphens"},
       {"CronJob", "/spec/jobTemplate/spec/template/spec/containers/0/ports",
        R"([{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}])",
        "container_ports: CronJob 'nightly' spec.jobTemplate.spec.template.spec.containers[0].ports[1].name: "
        "'a': a second port of this name; give each its own"},
       {"CronJob", "/spec/jobTemplate/spec/template/spec/containers/0/ports",
        R"([{"containerPort": 80}, {"containerPort": 80}])",
        "container_ports: CronJob 'nightly' "
        "spec.jobTemplate.spec.template.spec.containers[0].ports[1].containerPort: 80: a second TCP port of "
        "this number; give each its own"}});
}

TEST_CASE("Service ports lead to ports of the pods") {
  check_cases(
      serving(),
      {{"Service", "/spec/ports/0/port", "70000",
        "service_ports: Service 'web' spec.ports[0].port: 70000 is no port; write a number from 1 to 65535"},
       {"Service", "/spec/ports/0/targetPort", R"("grpc")",
        "service_targets: Service 'web' spec.ports[0].targetPort: 'grpc' is no port of the pods that this "
        "Service selects; name one of their ports"},
       {"Service", "/spec/ports/0/targetPort", "9000",
        "service_targets: Service 'web' spec.ports[0].targetPort: 9000 is no port of the pods that this "
        "Service selects; name one of their ports"},
       {"Service", "/spec/ports/1", R"({"port": 81, "targetPort": 8000})",
        "service_ports: Service 'web' spec.ports[1]: no name; a Service with several ports names each"}});
  check_cases(two_nodes(), {{"Service", "/spec/clusterIP", "",
                             "service_ports: Service 'train' spec.ports: no port; write at least one\n"
                             "subdomains: Job 'train-0a1b2c3d' spec.template.spec.subdomain: 'train' is no "
                             "headless Service of this set, so that the pods' host names would not resolve; "
                             "add one of this name with clusterIP: None"}});
}

TEST_CASE("an Ingress leads to a Service of the set") {
  check_cases(serving(),
              {{"Ingress", "/spec/rules/0/http/paths/0/path", R"("v1")",
                "ingresses: Ingress 'web' spec.rules[0].http.paths[0].path: 'v1' does not begin with '/'; "
                "begin it so"},
               {"Ingress", "/spec/rules/0/http/paths/0/pathType", R"("Regex")",
                "ingresses: Ingress 'web' spec.rules[0].http.paths[0].pathType: 'Regex' is no path type; "
                "write Prefix or Exact"},
               {"Ingress", "/spec/rules/0/http/paths/0/backend/service/name", R"("other")",
                "ingresses: Ingress 'web' spec.rules[0].http.paths[0].backend.service.name: Service 'other' "
                "is not in this set; name one that is"},
               {"Ingress", "/spec/rules/0/http/paths/0/backend/service/port", R"({"number": 8000})",
                "ingresses: Ingress 'web' spec.rules[0].http.paths[0].backend.service.port.number: 8000 is "
                "no port of Service 'web'; name one of its ports"},
               {"Ingress", "/spec/rules/0/host", R"("*.*.example")",
                "ingresses: Ingress 'web' spec.rules[0].host: '*.*.example': '*' is allowed only as the "
                "whole first part, as in *.example.com\n"
                "ingresses: Ingress 'web' spec.tls[0].hosts[0]: 'llm.example' is the host of no rule; write "
                "the host that the rules serve"},
               {"Ingress", "/spec/tls", R"([{"hosts": ["other.example"], "secretName": "llm-tls"}])",
                "ingresses: Ingress 'web' spec.tls[0].hosts[0]: 'other.example' is the host of no rule; "
                "write the host that the rules serve"},
               {"Ingress", "/spec/tls/0/secretName", R"("TLS")",
                "ingresses: Ingress 'web' spec.tls[0].secretName: 'TLS': 'T' is not allowed; use a-z, 0-9, "
                "'-' and '.'"},
               {"Ingress", "/spec/rules", "[]",
                "ingresses: Ingress 'web' spec.rules: no rule and no default backend; write a rule\n"
                "ingresses: Ingress 'web' spec.tls[0].hosts[0]: 'llm.example' is the host of no rule; write "
                "the host that the rules serve"}});
}
