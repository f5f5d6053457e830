// The task as it is put into a ConfigMap.
#pragma once
#include <string>

#include "config/task.h"

namespace swift::k8sgen {

// YAML of what the user set, without `deploy:`, in the order of the field table, every text double-quoted:
// the same settings give the same bytes, however they were written.
std::string canonical_task(const config::Task& task);

}  // namespace swift::k8sgen
