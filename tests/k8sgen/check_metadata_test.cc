#include "objects.h"

using namespace swift::k8sgen;

TEST_CASE("labels have good keys and values") {
  check_cases(serving(),
              {{"Deployment", "/metadata/labels/team", R"("a b")",
                "labels: Deployment 'web' metadata.labels.team: the label value 'a b': a blank is not "
                "allowed; use A-Z, a-z, 0-9, '-', '_' and '.'"},
               {"Deployment", "/metadata/labels/team", "7",
                "labels: Deployment 'web' metadata.labels.team: 7 is no text; write it in quotes"},
               {"Deployment", "/metadata/labels/team",
                R"("vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv")",
                "labels: Deployment 'web' metadata.labels.team: the label value "
                "'vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv': 64 characters; at most "
                "63 are allowed"},
               {"Deployment", "/metadata/labels/-x", R"("v")",
                "labels: Deployment 'web' metadata.labels.-x: the label key '-x': begins with '-'; begin "
                "with a letter or a digit"},
               {"Deployment", "/metadata/labels/Example.com~1x", R"("v")",
                "labels: Deployment 'web' metadata.labels[\"Example.com/x\"]: the label key 'Example.com/x': "
                "prefix before '/': 'E' is not allowed; use a-z, 0-9, '-' and '.'"},
               {"Deployment", "/spec/template/spec/nodeSelector", R"({"gpu": "-"})",
                "labels: Deployment 'web' spec.template.spec.nodeSelector.gpu: the label value '-': begins "
                "with '-'; begin with a letter or a digit"}});
}

TEST_CASE("annotations have good keys, and are texts") {
  check_cases(
      serving(),
      {{"Deployment", "/metadata/annotations", R"({"a b": "any text at all, with spaces"})",
        "annotations: Deployment 'web' metadata.annotations.a b: the annotation key 'a b': a blank is not "
        "allowed; use A-Z, a-z, 0-9, '-', '_' and '.'"},
       {"Deployment", "/metadata/annotations", R"({"a": true})",
        "annotations: Deployment 'web' metadata.annotations.a: true is no text; write it in quotes"}});
}

TEST_CASE("tolerations say what they tolerate") {
  check_cases(serving(),
              {{"Deployment", "/spec/template/spec/tolerations",
                R"([{"key": "nvidia.com/gpu", "operator": "Exists", "value": "x"}])",
                "tolerations: Deployment 'web' spec.template.spec.tolerations[0].value: 'x': the operator "
                "Exists takes no value; leave it out or write Equal"},
               {"Deployment", "/spec/template/spec/tolerations", R"([{"operator": "Equal"}])",
                "tolerations: Deployment 'web' spec.template.spec.tolerations[0]: no key; only the operator "
                "Exists tolerates every taint"},
               {"Deployment", "/spec/template/spec/tolerations", R"([{"key": "gpu", "operator": "In"}])",
                "tolerations: Deployment 'web' spec.template.spec.tolerations[0].operator: 'In' is no "
                "operator of a toleration; write Exists or Equal"},
               {"Deployment", "/spec/template/spec/tolerations", R"([{"key": "gpu", "effect": "NoRun"}])",
                "tolerations: Deployment 'web' spec.template.spec.tolerations[0].effect: 'NoRun' is no "
                "effect; write NoSchedule, PreferNoSchedule or NoExecute"},
               {"Deployment", "/spec/template/spec/tolerations", R"([{"key": "g p"}])",
                "tolerations: Deployment 'web' spec.template.spec.tolerations[0].key: 'g p': a blank is not "
                "allowed; use A-Z, a-z, 0-9, '-', '_' and '.'"},
               {"Deployment", "/spec/template/spec/tolerations",
                R"([{"key": "gpu", "effect": "NoSchedule", "tolerationSeconds": 5}])",
                "tolerations: Deployment 'web' spec.template.spec.tolerations[0].tolerationSeconds: only the "
                "effect NoExecute has seconds; leave them out"}});
}
