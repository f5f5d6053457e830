// Ports of containers and Services, and the routes that lead to them.
#include <fmt/format.h>

#include <set>

#include "k8sgen/names.h"
#include "k8sgen/rules/rules.h"

namespace swift::k8sgen::rules {
namespace {

void check_number(const Place& port, Findings& findings) {
  const auto number = port.integer();
  if (!number || *number < 1 || *number > 65535)
    findings.add(port, fmt::format("{} is no port; write a number from 1 to 65535", port.shown()));
}

std::string protocol_of(const Place& port) {
  return port.key("protocol").exists() ? port.text("protocol") : "TCP";
}

// Names and numbers with protocols, each once.
void check_unique(const std::vector<Place>& ports, std::string_view number, Findings& findings) {
  std::set<std::string> names, numbers;
  for (const Place& port : ports) {
    const Place name = port.key("name");
    if (name.exists() && !names.insert(name.text()).second)
      findings.add(name, fmt::format("{}: a second port of this name; give each its own", name.shown()));
    if (!numbers.insert(port.key(number).scalar() + "/" + protocol_of(port)).second)
      findings.add(port.key(number), fmt::format("{}: a second {} port of this number; give each its own",
                                                 port.key(number).shown(), protocol_of(port)));
  }
}

// A Service's port, given as a backend names it.
bool has_service_port(const Place& service, const Place& port) {
  for (const Place& declared : service.at("spec.ports").items())
    if (port.integer() ? declared.integer("port") == port.integer() : declared.text("name") == port.text())
      return true;
  return false;
}

void check_backend(const Set& set, const Place& name, const Place& port, Findings& findings) {
  const auto service = set.find("Service", name.text(), name.object());
  if (!service)
    findings.add(name, fmt::format("Service {} is not in this set; name one that is", name.shown()));
  else if (!has_service_port(*service, port))
    findings.add(
        port, fmt::format("{} is no port of Service {}; name one of its ports", port.shown(), name.shown()));
}

void check_path(const Place& path, Findings& findings) {
  if (path.text().substr(0, 1) != "/")
    findings.add(path, fmt::format("{} does not begin with '/'; begin it so", path.shown()));
}

void check_host(const Place& host, Findings& findings) {
  if (const auto fault = host_fault(host.text()))
    findings.add(host, fmt::format("{}: {}", host.shown(), *fault));
}

void check_ingress_path(const Set& set, const Place& path, Findings& findings) {
  const Place kind = path.key("pathType");
  if (kind.text() != "ImplementationSpecific") check_path(path.key("path"), findings);
  if (kind.text() != "Prefix" && kind.text() != "Exact" && kind.text() != "ImplementationSpecific")
    findings.add(kind, fmt::format("{} is no path type; write Prefix or Exact", kind.shown()));
  const Place service = path.at("backend.service"), port = service.key("port");
  check_backend(set, service.key("name"), port.key("number").exists() ? port.key("number") : port.key("name"),
                findings);
}

// Hosts of certificates are among those of the rules.
void check_tls(const Place& root, Findings& findings) {
  std::set<std::string> hosts;
  for (const Place& rule : root.at("spec.rules").items()) hosts.insert(rule.text("host"));
  for (const Place& tls : root.at("spec.tls").items()) {
    const Place secret = tls.key("secretName");
    if (secret.exists())
      if (const auto fault = subdomain_fault(secret.text()))
        findings.add(secret, fmt::format("{}: {}", secret.shown(), *fault));
    for (const Place& host : tls.key("hosts").items())
      if (!hosts.contains(host.text()))
        findings.add(host, fmt::format("{} is the host of no rule; write the host that the rules serve",
                                       host.shown()));
  }
}

}  // namespace

void container_ports(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods) {
    std::vector<Place> all;
    for (const Place& container : pod.main_containers)
      for (const Place& port : container.key("ports").items()) {
        all.push_back(port);
        check_number(port.key("containerPort"), findings);
        const Place name = port.key("name");
        if (!name.exists()) continue;
        if (const auto fault = port_name_fault(name.text()))
          findings.add(name, fmt::format("the port name {}: {}", name.shown(), *fault));
      }
    check_unique(all, "containerPort", findings);
  }
}

void service_ports(const Set& set, Findings& findings) {
  for (const Place& root : set.of("Service")) {
    const std::vector<Place> ports = root.at("spec.ports").items();
    if (ports.empty() && root.text("spec.clusterIP") != "None")
      findings.add(root.at("spec.ports"), "no port; write at least one");
    check_unique(ports, "port", findings);
    for (const Place& port : ports) {
      check_number(port.key("port"), findings);
      const Place name = port.key("name");
      if (name.exists()) {
        if (const auto fault = label_name_fault(name.text()))
          findings.add(name, fmt::format("the port name {}: {}", name.shown(), *fault));
      } else if (ports.size() > 1) {
        findings.add(port, "no name; a Service with several ports names each");
      }
    }
  }
}

void service_targets(const Set& set, Findings& findings) {
  for (const Place& root : set.of("Service")) {
    const Place selector = root.at("spec.selector");
    if (selector.items().empty()) continue;
    bool foreign = false;
    const auto pods = set.selected([&](const Labels& labels) { return map_matches(selector, labels); },
                                   root.object(), foreign);
    for (const Place& port : root.at("spec.ports").items()) {
      const Place target = port.key("targetPort").exists() ? port.key("targetPort") : port.key("port");
      bool found = pods.empty();
      for (const Pod* pod : pods)
        for (const Place& container : pod->main_containers) found = found || has_port(container, target);
      if (!found)
        findings.add(
            target,
            fmt::format("{} is no port of the pods that this Service selects; name one of their ports",
                        target.shown()));
    }
  }
}

void ingresses(const Set& set, Findings& findings) {
  for (const Place& root : set.of("Ingress")) {
    if (root.at("spec.rules").items().empty() && !root.at("spec.defaultBackend").exists())
      findings.add(root.at("spec.rules"), "no rule and no default backend; write a rule");
    for (const Place& rule : root.at("spec.rules").items()) {
      if (rule.key("host").exists()) check_host(rule.key("host"), findings);
      for (const Place& path : rule.at("http.paths").items()) check_ingress_path(set, path, findings);
    }
    check_tls(root, findings);
  }
}

void http_routes(const Set& set, Findings& findings) {
  for (const Place& root : set.of("HTTPRoute")) {
    if (root.at("spec.parentRefs").items().empty())
      findings.add(root.at("spec.parentRefs"), "no parent; name the Gateway that the route belongs to");
    for (const Place& host : root.at("spec.hostnames").items()) check_host(host, findings);
    for (const Place& rule : root.at("spec.rules").items()) {
      for (const Place& match : rule.key("matches").items())
        if (match.at("path.value").exists() && match.text("path.type") != "RegularExpression")
          check_path(match.at("path.value"), findings);
      for (const Place& backend : rule.key("backendRefs").items())
        if (!backend.key("kind").exists() || backend.text("kind") == "Service")
          check_backend(set, backend.key("name"), backend.key("port"), findings);
    }
  }
}

}  // namespace swift::k8sgen::rules
