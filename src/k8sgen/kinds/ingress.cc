// The way in from outside the cluster: an Ingress, or a Gateway API route.
#include "k8sgen/kinds.h"

namespace swift::k8sgen {

Node ingress(const Plan& plan) {
  const config::IngressPart& given = plan.deploy.ingress;
  const Node host = Node(given.host).from("/deploy/ingress/host");
  const Node backend =
      map({{"service", map({{"name", plan.service_name.node()}, {"port", map({{"name", "http"}})}})}});
  Node rule = Node::map();
  rule.set_if(!given.host.empty(), "host", host);
  rule.set("http", map({{"paths", list({map({{"path", Node(given.path).from("/deploy/ingress/path")},
                                             {"pathType", "Prefix"},
                                             {"backend", backend}})})}}));
  Node spec = Node::map();
  if (given.class_name) spec.set("ingressClassName", Node(*given.class_name).from("/deploy/ingress/class"));
  if (given.tls_secret) {
    Node tls = Node::map();
    tls.set_if(!given.host.empty(), "hosts", list({host}));
    tls.set("secretName", Node(*given.tls_secret).from("/deploy/ingress/tls_secret"));
    spec.set("tls", list({tls}));
  }
  spec.set("rules", list({rule}));
  Node made = object(plan, "networking.k8s.io/v1", "Ingress", plan.name, kInference).set("spec", spec);
  if (!given.annotations.empty()) {
    Node meta = *made.find("metadata");
    const Node* common = meta.find("annotations");
    Node annotations = common != nullptr ? *common : Node::map();
    for (const auto& [key, value] : given.annotations)
      annotations.set(key, Node(value).from("/deploy/ingress/annotations/" + config::pointer_part(key)));
    made.set("metadata", meta.set("annotations", annotations));
  }
  return made;
}

Node http_route(const Plan& plan) {
  const config::IngressPart& given = plan.deploy.ingress;
  Node parent = map({{"group", "gateway.networking.k8s.io"},
                     {"kind", "Gateway"},
                     {"name", Node(given.gateway.name).from("/deploy/ingress/gateway/name")}});
  if (given.gateway.namespace_)
    parent.set("namespace", Node(*given.gateway.namespace_).from("/deploy/ingress/gateway/namespace"));
  Node spec = map({{"parentRefs", list({parent})}});
  spec.set_if(!given.host.empty(), "hostnames", list({Node(given.host).from("/deploy/ingress/host")}));
  const Node match = map(
      {{"path", map({{"type", "PathPrefix"}, {"value", Node(given.path).from("/deploy/ingress/path")}})}});
  const Node backend = map({{"group", ""},
                            {"kind", "Service"},
                            {"name", plan.service_name.node()},
                            {"port", plan.deploy.service.port},
                            {"weight", 1}});
  // A long answer streams for minutes.
  spec.set("rules", list({map({{"matches", list({match})},
                               {"backendRefs", list({backend})},
                               {"timeouts", map({{"request", "3600s"}})}})}));
  return object(plan, "gateway.networking.k8s.io/v1", "HTTPRoute", plan.name, kInference).set("spec", spec);
}

}  // namespace swift::k8sgen
