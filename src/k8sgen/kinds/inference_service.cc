// The serving pods under KServe (serving.kserve.io/v1beta1), as plain Deployments: the serverless mode
// refuses the volumes and node labels that a model needs. KServe makes the Service, the autoscaler and the
// way in.
#include "k8sgen/kinds.h"

namespace swift::k8sgen {

Node inference_service(const Plan& plan) {
  const config::Autoscaling& a = plan.deploy.autoscaling;
  const Node pod = serving_pod(plan, Role::single);
  Node predictor = Node::map();
  predictor.set("minReplicas", Node(a.given ? a.min : plan.deploy.replicas)
                                   .from(a.given ? "/deploy/autoscaling/min" : "/deploy/replicas"));
  predictor.set("maxReplicas", Node(a.given ? a.max : plan.deploy.replicas)
                                   .from(a.given ? "/deploy/autoscaling/max" : "/deploy/replicas"));
  predictor.set("labels", *pod.at("metadata.labels"));
  predictor.set("annotations", *pod.at("metadata.annotations"));
  predictor.extend(*pod.find("spec"));
  Node container = predictor.find("containers")->items()[0];
  container.set("name", "kserve-container");
  predictor.set("containers", list({container}));
  Node made = object(plan, "serving.kserve.io/v1beta1", "InferenceService", plan.name, kInference);
  Node meta = *made.find("metadata");
  Node annotations = meta.find("annotations") != nullptr ? *meta.find("annotations") : Node::map();
  annotations.set("serving.kserve.io/deploymentMode", "RawDeployment");
  annotations.set("serving.kserve.io/autoscalerClass", "none");
  made.set("metadata", meta.set("annotations", annotations));
  return made.set("spec", map({{"predictor", predictor}}));
}

}  // namespace swift::k8sgen
