// Deny by default, both ways. Name lookups stay open; NFS is mounted by the node and needs no rule.
#include "k8sgen/kinds.h"

namespace swift::k8sgen {
namespace {

constexpr const char* kNamespaceLabel = "kubernetes.io/metadata.name";

Node port(const char* protocol, Node number) {
  return map({{"protocol", protocol}, {"port", std::move(number)}});
}

Node name_lookup() {
  return map({{"to", list({map({{"namespaceSelector",
                                 map({{"matchLabels", map({{kNamespaceLabel, "kube-system"}})}})}})})},
              {"ports", list({port("UDP", 53), port("TCP", 53)})}});
}

Node peer(const config::NetworkPeer& given, const std::string& setting) {
  if (given.cidr) return map({{"ipBlock", map({{"cidr", Node(*given.cidr).from(setting + "/cidr")}})}});
  Node node = Node::map();
  if (given.namespace_) {
    const Node name = Node(*given.namespace_).from(setting + "/namespace");
    node.set("namespaceSelector", map({{"matchLabels", map({{kNamespaceLabel, name}})}}));
  }
  if (!given.pods.empty() || !given.namespace_) {
    Node labels = Node::map();
    for (const auto& [key, value] : given.pods) labels.set(key, Node(value).from(setting + "/pods"));
    node.set("podSelector", labels.empty() ? Node::map() : map({{"matchLabels", labels}}));
  }
  return node;
}

Node allowed_egress(const Plan& plan) {
  Node rules = list({name_lookup()});
  for (size_t i = 0; i < plan.deploy.network.allow_to.size(); ++i) {
    const config::NetworkPeer& given = plan.deploy.network.allow_to[i];
    Node rule = map({{"to", list({peer(given, "/deploy/network/allow_to/" + std::to_string(i))})}});
    if (given.port) rule.set("ports", list({port("TCP", *given.port)}));
    rules.add(rule);
  }
  return rules;
}

// The server's port, from whom the task names; else from the namespace, and with a way in from outside from
// all.
Node serving_ingress(const Plan& plan) {
  Node rules = Node::list();
  for (size_t i = 0; i < plan.deploy.network.allow_from.size(); ++i) {
    const config::NetworkPeer& given = plan.deploy.network.allow_from[i];
    const Node at = given.port ? Node(*given.port) : Node("http");
    rules.add(map({{"from", list({peer(given, "/deploy/network/allow_from/" + std::to_string(i))})},
                   {"ports", list({port("TCP", at)})}}));
  }
  if (rules.empty()) {
    const Node who = plan.deploy.ingress.given ? map({{"namespaceSelector", Node::map()}})
                                               : map({{"podSelector", Node::map()}});
    rules.add(map({{"from", list({who})}, {"ports", list({port("TCP", "http")})}}));
  }
  return rules;
}

Node among(const Plan& plan, const char* component) {
  return map({{"podSelector", map({{"matchLabels", selector(plan, component)}})}});
}

Node policy(const Plan& plan, const Chosen& name, const char* component, Node in, Node out) {
  return object(plan, "networking.k8s.io/v1", "NetworkPolicy", name, component)
      .set("spec", map({{"podSelector", map({{"matchLabels", selector(plan, component)}})},
                        {"policyTypes", list({"Ingress", "Egress"})},
                        {"ingress", std::move(in)},
                        {"egress", std::move(out)}}));
}

}  // namespace

Node serving_network_policy(const Plan& plan) {
  Node in = serving_ingress(plan);
  Node out = allowed_egress(plan);
  // Pods of a group talk on ports that their collectives choose.
  if (plan.deploy.nodes > 1) {
    in.add(map({{"from", list({among(plan, kInference)})}}));
    out.add(map({{"to", list({among(plan, kInference)})}}));
  }
  return policy(plan, plan.name, kInference, std::move(in), std::move(out));
}

Node training_network_policy(const Plan& plan) {
  Node in = Node::list();
  Node out = allowed_egress(plan);
  if (plan.multi_node_training()) {
    in.add(map({{"from", list({among(plan, kTraining)})}}));
    out.add(map({{"to", list({among(plan, kTraining)})}}));
  }
  return policy(plan, plan.train_name, kTraining, std::move(in), std::move(out));
}

// The address of the API server differs from cluster to cluster; its ports do not.
Node scaling_network_policy(const Plan& plan) {
  Node out = list({name_lookup(), map({{"ports", list({port("TCP", 443), port("TCP", 6443)})}})});
  return policy(plan, {plan.train_name.text + "-scale", plan.train_name.setting}, "scaling", Node::list(),
                std::move(out));
}

}  // namespace swift::k8sgen
