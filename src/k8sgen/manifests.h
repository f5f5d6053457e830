// The task as Kubernetes objects: pure, in memory, checked whole before a byte is shown.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "k8sgen/node.h"
#include "k8sgen/plan.h"

namespace swift::k8sgen {

// Every object in the order in which they should be applied. Faults go to the report, each with the place of
// the setting behind it; the objects are then of no use.
std::vector<Object> manifests(const config::Task& task, const Options& options, config::Report& report);

// File names and contents of a directory: one file an object, and a kustomization.yaml that lists them.
std::vector<std::pair<std::string, std::string>> directory_of(const std::vector<Object>& objects);

// One line an object: what it is, why it is there, and the setting that governs it.
std::string explain(const std::vector<Object>& objects);

}  // namespace swift::k8sgen
