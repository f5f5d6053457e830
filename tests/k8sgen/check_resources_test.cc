#include "objects.h"

using namespace swift::k8sgen;

TEST_CASE("amounts follow the grammar of quantities") {
  check_cases(
      serving(),
      {{"Deployment", "/spec/template/spec/containers/0/resources/limits/memory", R"("48GB")",
        "quantity_grammar: Deployment 'web' spec.template.spec.containers[0].resources.limits.memory: "
        "'48GB': no quantity; write 48G (10^9) or 48Gi (2^30)"},
       {"Deployment", "/spec/template/spec/containers/0/resources/limits/cpu", R"("-1")",
        "quantity_grammar: Deployment 'web' spec.template.spec.containers[0].resources.limits.cpu: '-1': "
        "negative; write an amount of 0 or more"},
       {"Deployment", "/spec/template/spec/volumes/1/emptyDir/sizeLimit", R"("8gib")",
        "quantity_grammar: Deployment 'web' spec.template.spec.volumes[1].emptyDir.sizeLimit: '8gib': no "
        "quantity; write 8Gi"},
       {"PersistentVolumeClaim", "/spec/resources/requests/storage", R"("lots")",
        "quantity_grammar: PersistentVolumeClaim 'web-models' spec.resources.requests.storage: 'lots': no "
        "quantity; write a number, with one of n u m k M G T P E or Ki Mi Gi Ti Pi Ei behind it, such as "
        "48Gi, 500m or 4"},
       {"HorizontalPodAutoscaler", "/spec/metrics/0/pods/target/averageValue", R"("4 requests")",
        "quantity_grammar: HorizontalPodAutoscaler 'web' spec.metrics[0].pods.target.averageValue: '4 "
        "requests': no quantity; write a number, with one of n u m k M G T P E or Ki Mi Gi Ti Pi Ei behind "
        "it, such as 48Gi, 500m or 4"}});
}

TEST_CASE("amounts are spelt as the API server spells them") {
  check_cases(
      serving(),
      {{"Deployment", "/spec/template/spec/containers/0/resources/limits/memory", R"("49152Mi")",
        "canonical_quantities: Deployment 'web' spec.template.spec.containers[0].resources.limits.memory: "
        "'49152Mi' is not spelt as the API server gives it back, so that every diff would show it; write "
        "48Gi"},
       {"Deployment", "/spec/template/spec/containers/0/resources/requests/cpu", R"("0.5")",
        "canonical_quantities: Deployment 'web' spec.template.spec.containers[0].resources.requests.cpu: "
        "'0.5' is not spelt as the API server gives it back, so that every diff would show it; write 500m"}});
}

TEST_CASE("processors are whole thousandths and memory is whole bytes") {
  check_cases(serving(),
              {{"Deployment", "/spec/template/spec/containers/0/resources/requests/cpu", R"("100u")",
                "whole_units: Deployment 'web' spec.template.spec.containers[0].resources.requests.cpu: "
                "'100u' is finer than a thousandth of a CPU; write at least 1m"},
               {"Deployment", "/spec/template/spec/containers/0/resources/requests/memory", R"("400m")",
                "whole_units: Deployment 'web' spec.template.spec.containers[0].resources.requests.memory: "
                "'400m' is a fraction of a byte (m is a thousandth); write 400Mi"}});
}

TEST_CASE("requests are within the limits") {
  check_cases(
      serving(),
      {{"Deployment", "/spec/template/spec/containers/0/resources/requests/memory", R"("64Gi")",
        "requests_within_limits: Deployment 'web' "
        "spec.template.spec.containers[0].resources.requests.memory: '64Gi' is above the limit '48Gi'; lower "
        "the request or raise the limit"},
       {"Deployment", "/spec/template/spec/containers/0/resources/requests/cpu", R"("16500m")",
        "requests_within_limits: Deployment 'web' spec.template.spec.containers[0].resources.requests.cpu: "
        "'16500m' is above the limit '16'; lower the request or raise the limit"}});
}

TEST_CASE("devices are whole, and requested as they are limited") {
  check_cases(serving(),
              {{"Deployment", "/spec/template/spec/containers/0/resources/requests/nvidia.com~1gpu", R"("2")",
                "extended_resources: Deployment 'web' "
                "spec.template.spec.containers[0].resources.requests[\"nvidia.com/gpu\"]: '2' is not the "
                "limit '1'; devices are not overcommitted: write the same number twice"},
               {"Deployment", "/spec/template/spec/containers/0/resources/limits/nvidia.com~1gpu", "",
                "extended_resources: Deployment 'web' "
                "spec.template.spec.containers[0].resources.requests[\"nvidia.com/gpu\"]: '1' without a "
                "limit; devices are given by the limit: write it with the same number"},
               {"Deployment", "/spec/template/spec/containers/0/resources/limits",
                R"({"nvidia.com/gpu": "1500m", "memory": "48Gi"})",
                "extended_resources: Deployment 'web' "
                "spec.template.spec.containers[0].resources.limits[\"nvidia.com/gpu\"]: '1500m': devices are "
                "whole; write an integer\n"
                "extended_resources: Deployment 'web' "
                "spec.template.spec.containers[0].resources.requests[\"nvidia.com/gpu\"]: '1' is not the "
                "limit '1500m'; devices are not overcommitted: write the same number twice"}});
}

TEST_CASE("volumes in memory leave room for the containers that mount them") {
  check_cases(
      serving(),
      {{"Deployment", "/spec/template/spec/volumes/1/emptyDir/sizeLimit", R"("48Gi")",
        "memory_volumes: Deployment 'web' spec.template.spec.volumes[1].emptyDir.sizeLimit: '48Gi': volumes "
        "in memory count against the memory limit of the containers that mount them, and 'server' has only "
        "'48Gi'; lower the size or raise the limit"},
       {"Deployment", "/spec/template/spec/volumes/1/emptyDir/sizeLimit", "",
        "memory_volumes: Deployment 'web' spec.template.spec.volumes[1].emptyDir.sizeLimit: volume 'shm' "
        "lies in memory without a sizeLimit, so that it may take all of the node's; write one"}});
}

TEST_CASE("claims have a size") {
  check_cases(serving(), {{"PersistentVolumeClaim", "/spec/resources/requests/storage", R"("0")",
                           "claim_sizes: PersistentVolumeClaim 'web-models' spec.resources.requests.storage: "
                           "'0' is no size; write an amount above 0"},
                          {"PersistentVolume", "/spec/capacity", "",
                           "claim_sizes: PersistentVolume 'web-models' spec.capacity.storage: no size; write "
                           "how much storage it needs, such as 500Gi"}});
}
