// The rules that schema validators do not see: names and lengths, cron, time zones, quantities, selectors,
// ports, mounts, probes, bounds and grace periods (reference/kubernetes-cli-web.md section 2.5).
#pragma once
#include <span>
#include <string>
#include <vector>

#include "k8sgen/node.h"
#include "k8sgen/version.h"

namespace swift::k8sgen {

struct Finding {
  std::string message;    // "Deployment 'web' spec.replicas: …; what to do"
  std::string setting;    // JSON pointer of the nearest setting that governs the place; may be empty
  std::string_view rule;  // name in the table of check.cc
};

// Every rule over every object, and over the objects together.
std::vector<Finding> check(std::span<const Object> objects, const Version& version);

}  // namespace swift::k8sgen
