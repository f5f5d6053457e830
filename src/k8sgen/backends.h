// The servers that a Deployment can run: image, command, arguments, health paths, metrics. One row each.
#pragma once
#include <string_view>

#include "k8sgen/plan.h"

namespace swift::k8sgen {

// The part of a pod in a group that serves one model.
enum class Role { single, leader, worker };

struct Backend {
  std::string_view name;
  std::string_view image;           // pinned
  std::string_view waiting_metric;  // number of waiting requests, as Prometheus reads it
  std::string_view alive, ready;    // HTTP paths
  bool multi_node;                  // knows how to share a model between pods
  Node (*command)(const Plan& plan);
  Node (*arguments)(const Plan& plan, Role role);
};

const Backend& backend_of(const Plan& plan);
const Backend& swift_backend();

}  // namespace swift::k8sgen
