#include "objects.h"

using namespace swift::k8sgen;

TEST_CASE("probes have positive bounds") {
  check_cases(
      serving(),
      {{"Deployment", "/spec/template/spec/containers/0/livenessProbe/failureThreshold", "0",
        "probe_bounds: Deployment 'web' spec.template.spec.containers[0].livenessProbe.failureThreshold: 0 "
        "is below 1; write 1 or more"},
       {"Deployment", "/spec/template/spec/containers/0/readinessProbe/periodSeconds", "-5",
        "probe_bounds: Deployment 'web' spec.template.spec.containers[0].readinessProbe.periodSeconds: -5 is "
        "below 1; write 1 or more"},
       {"Deployment", "/spec/template/spec/containers/0/startupProbe/initialDelaySeconds", "-1",
        "probe_bounds: Deployment 'web' spec.template.spec.containers[0].startupProbe.initialDelaySeconds: "
        "-1 is below 0; write 0 or more"}});
}

TEST_CASE("startup and liveness need one success") {
  check_cases(
      serving(),
      {{"Deployment", "/spec/template/spec/containers/0/livenessProbe/successThreshold", "2",
        "probe_successes: Deployment 'web' spec.template.spec.containers[0].livenessProbe.successThreshold: "
        "2: startup and liveness need exactly 1 success; leave it out"},
       {"Deployment", "/spec/template/spec/containers/0/readinessProbe/successThreshold", "2", ""}});
}

TEST_CASE("a probe has one handler, without a host, at a port of the container") {
  check_cases(
      serving(),
      {{"Deployment", "/spec/template/spec/containers/0/livenessProbe/exec", R"({"command": ["true"]})",
        "probe_handlers: Deployment 'web' spec.template.spec.containers[0].livenessProbe: 2 handlers; write "
        "exactly one of httpGet, tcpSocket, exec or grpc"},
       {"Deployment", "/spec/template/spec/containers/0/livenessProbe", "{}",
        "probe_handlers: Deployment 'web' spec.template.spec.containers[0].livenessProbe: 0 handlers; write "
        "exactly one of httpGet, tcpSocket, exec or grpc"},
       {"Deployment", "/spec/template/spec/containers/0/livenessProbe/httpGet/path", R"("health")",
        "probe_handlers: Deployment 'web' spec.template.spec.containers[0].livenessProbe.httpGet.path: "
        "'health' does not begin with '/'; begin it so"},
       {"Deployment", "/spec/template/spec/containers/0/livenessProbe/httpGet/port", R"("metrics")",
        "probe_ports: Deployment 'web' spec.template.spec.containers[0].livenessProbe.httpGet.port: "
        "'metrics' is no port of container 'server'; name one of its ports"},
       {"Deployment", "/spec/template/spec/containers/0/livenessProbe/httpGet/port", "8001",
        "probe_ports: Deployment 'web' spec.template.spec.containers[0].livenessProbe.httpGet.port: 8001 is "
        "no port of container 'server'; name one of its ports"},
       {"Deployment", "/spec/template/spec/containers/0/livenessProbe/httpGet/host", R"("10.0.0.1")",
        "probe_hosts: Deployment 'web' spec.template.spec.containers[0].livenessProbe.httpGet.host: "
        "'10.0.0.1': Pod Security refuses hosts in probes and hooks; leave it out, so that the pod itself is "
        "asked"},
       {"Deployment", "/spec/template/spec/containers/0/lifecycle/preStop",
        R"({"httpGet": {"path": "/drain", "port": 9, "host": "a"}})",
        "probe_ports: Deployment 'web' spec.template.spec.containers[0].lifecycle.preStop.httpGet.port: 9 is "
        "no port of container 'server'; name one of its ports\n"
        "probe_hosts: Deployment 'web' spec.template.spec.containers[0].lifecycle.preStop.httpGet.host: 'a': "
        "Pod Security refuses hosts in probes and hooks; leave it out, so that the pod itself is asked"}});
}

TEST_CASE("the startup probe ends before the rollout is given up") {
  check_cases(
      serving(),
      {{"Deployment", "/spec/progressDeadlineSeconds", "300",
        "startup_budget: Deployment 'web' spec.progressDeadlineSeconds: 300 seconds, but the startup probe "
        "may take 300; the rollout would be called failed while the model loads: write more than 300"},
       {"Deployment", "/spec/template/spec/containers/0/startupProbe/failureThreshold", "60",
        "startup_budget: Deployment 'web' spec.progressDeadlineSeconds: 600 seconds, but the startup probe "
        "may take 600; the rollout would be called failed while the model loads: write more than 600"}});
}

TEST_CASE("the grace period is longer than the preStop hook") {
  check_cases(serving(),
              {{"Deployment", "/spec/template/spec/terminationGracePeriodSeconds", "15",
                "grace_periods: Deployment 'web' spec.template.spec.terminationGracePeriodSeconds: 15 "
                "seconds, but the preStop hook of 'server' takes 15, which leaves the server none to finish "
                "its requests: write more than 15"},
               {"Deployment", "/spec/template/spec/terminationGracePeriodSeconds", "0",
                "grace_periods: Deployment 'web' spec.template.spec.terminationGracePeriodSeconds: 0: the "
                "pod would be killed at once; write more than 0"},
               {"Deployment", "/spec/template/spec/containers/0/lifecycle/preStop",
                R"({"exec": {"command": ["swift", "sleep", "60"]}})",
                "grace_periods: Deployment 'web' spec.template.spec.terminationGracePeriodSeconds: 60 "
                "seconds, but the preStop hook of 'server' takes 60, which leaves the server none to finish "
                "its requests: write more than 60"},
               {"Deployment", "/spec/template/spec/containers/0/lifecycle/preStop",
                R"({"exec": {"command": ["/bin/sh", "-c", "sleep 90"]}})",
                "grace_periods: Deployment 'web' spec.template.spec.terminationGracePeriodSeconds: 60 "
                "seconds, but the preStop hook of 'server' takes 90, which leaves the server none to finish "
                "its requests: write more than 90"}});
}
