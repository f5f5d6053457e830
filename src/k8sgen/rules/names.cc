// Names of objects and of what is inside a pod.
#include "k8sgen/names.h"

#include <fmt/format.h>

#include <set>

#include "k8sgen/rules/rules.h"

namespace swift::k8sgen::rules {
namespace {

using Fault = std::optional<std::string>;
using Grammar = Fault (*)(std::string_view);

Fault label(std::string_view name) {
  return label_name_fault(name);
}

// The Jobs that a CronJob makes are named after it and the minute, with 11 more characters.
Fault cron_job_name(std::string_view name) {
  const Fault fault = label_name_fault(name, 52);
  if (!fault || name.size() <= 52) return fault;
  return *fault + ", as its Jobs add 11 characters";
}

struct KindName {
  std::string_view type;
  Grammar grammar;
};
// Kinds that are not here take a subdomain. Deployments and Jobs could too, but their pods' host names are
// labels. Kinds whose controller makes a Service of the same name have a Service's grammar.
constexpr KindName kKinds[] = {{"Namespace", label},
                               {"Service", service_name_fault},
                               {"Deployment", label},
                               {"Job", label},
                               {"CronJob", cron_job_name},
                               {"JobSet", service_name_fault},
                               {"LeaderWorkerSet", service_name_fault},
                               {"PyTorchJob", service_name_fault},
                               {"TrainJob", service_name_fault},
                               {"VolcanoJob", label},
                               {"InferenceService", service_name_fault},
                               {"ScaledObject", label}};

void check_name(const Place& place, Grammar grammar, Findings& findings) {
  if (const Fault fault = grammar(place.text()))
    findings.add(place, place.text().empty() ? "the name is empty; write one"
                                             : fmt::format("{}: {}", place.shown(), *fault));
}

// Names of a list's elements: grammar, and each once.
void check_list(const std::vector<Place>& items, std::string_view what, Grammar grammar, Findings& findings) {
  std::set<std::string> seen;
  for (const Place& item : items) {
    const Place name = item.key("name");
    // KServe names the container of a `model` itself.
    if (!name.exists() && item.last_key() == "model") continue;
    check_name(name, grammar, findings);
    if (!seen.insert(name.text()).second)
      findings.add(name, fmt::format("{}: a second {} of this name; give each its own", name.shown(), what));
  }
}

// The longest name among the pods of a controller.
struct HostName {
  Place place;
  std::string name;
};

std::string last_index(const Place& place, std::string_view path) {
  return std::to_string(std::max<int64_t>(place.integer(path).value_or(1), 1) - 1);
}

std::vector<HostName> host_names_of(const Place& root) {
  const std::string type = type_of(root.object()), name = root.object().name();
  const Place spec = root.key("spec");
  std::vector<HostName> hosts;
  if (type == "Job" && spec.text("completionMode") == "Indexed") {
    hosts.push_back({root, name + "-" + last_index(spec, "completions")});
  } else if (type == "CronJob" && spec.text("jobTemplate.spec.completionMode") == "Indexed") {
    // Its Jobs are named by the minute, counted from 1970.
    hosts.push_back(
        {root, fmt::format("{}-29000000-{}", name, last_index(spec, "jobTemplate.spec.completions"))});
  } else if (type == "JobSet") {
    for (const Place& job : spec.key("replicatedJobs").items())
      hosts.push_back(
          {root, fmt::format("{}-{}-{}-{}-xxxxx", name, job.text("name"), last_index(job, "replicas"),
                             last_index(job, "template.spec.completions"))});
  } else if (type == "LeaderWorkerSet") {
    // Its StatefulSets label each pod with their name and a hash of ten characters.
    const std::string group = name + "-" + last_index(spec, "replicas");
    hosts.push_back({root, group + "-" + last_index(spec, "leaderWorkerTemplate.size")});
    hosts.push_back({root, group + "-xxxxxxxxxx"});
  } else if (type == "PyTorchJob") {
    for (const Place& replica : spec.key("pytorchReplicaSpecs").items())
      hosts.push_back(
          {root, fmt::format("{}-{}-{}", name, replica.last_key(), last_index(replica, "replicas"))});
  } else if (type == "TrainJob") {
    hosts.push_back({root, fmt::format("{}-node-0-{}-xxxxx", name, last_index(spec, "trainer.numNodes"))});
  } else if (type == "VolcanoJob") {
    for (const Place& task : spec.key("tasks").items())
      hosts.push_back({root, fmt::format("{}-{}-{}", name, task.text("name"), last_index(task, "replicas"))});
  } else if (type == "InferenceService") {
    hosts.push_back({root, name + "-predictor"});
  }
  return hosts;
}

}  // namespace

void object_names(const Set& set, Findings& findings) {
  for (const Place& root : set.roots) {
    const std::string type = type_of(root.object());
    const KindName* kind = nullptr;
    for (const KindName& row : kKinds)
      if (row.type == type) kind = &row;
    check_name(root.at("metadata.name"), kind != nullptr ? kind->grammar : subdomain_fault, findings);
  }
}

void namespaces(const Set& set, Findings& findings) {
  for (const Place& root : set.roots) {
    const Place name = root.at("metadata.namespace");
    if (name.exists()) check_name(name, label, findings);
  }
}

void pod_host_names(const Set& set, Findings& findings) {
  for (const Place& root : set.roots) {
    // A name that is too long by itself is another rule's.
    if (root.object().name().size() > 63) continue;
    for (const HostName& host : host_names_of(root)) {
      if (host.name.size() <= 63) continue;
      findings.add(
          root.at("metadata.name"),
          fmt::format("'{}': its pods and their labels need names such as '{}', {} characters; at most 63 "
                      "are allowed; shorten the name by {}",
                      root.object().name(), host.name, host.name.size(), host.name.size() - 63));
      break;
    }
  }
}

void unique_objects(const Set& set, Findings& findings) {
  std::set<std::string> seen;
  for (const Place& root : set.roots) {
    const Object& object = root.object();
    const std::string version = root.text("apiVersion");
    const std::string group = version.substr(0, version.find('/') == version.npos ? 0 : version.find('/'));
    if (!seen.insert(fmt::format("{}/{}/{}/{}", group, object.kind(), namespace_of(object), object.name()))
             .second)
      findings.add(
          root.at("metadata.name"),
          fmt::format("'{}': a second {} of this name in the set; the later would replace the earlier; "
                      "give each its own name",
                      object.name(), object.kind()));
  }
}

void container_names(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods) check_list(pod.containers, "container", label, findings);
}

void volume_names(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods) check_list(pod.spec.key("volumes").items(), "volume", label, findings);
}

void variable_names(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods)
    for (const Place& container : pod.containers)
      check_list(container.key("env").items(), "variable", variable_name_fault, findings);
}

void reference_names(const Set& set, Findings& findings) {
  const auto check = [&](const Place& place, Grammar grammar) {
    if (place.exists()) check_name(place, grammar, findings);
  };
  for (const Pod& pod : set.pods) {
    for (const char* key : {"serviceAccountName", "priorityClassName", "runtimeClassName"})
      check(pod.spec.key(key), subdomain_fault);
    for (const char* key : {"hostname", "subdomain"}) check(pod.spec.key(key), label);
    for (const Place& secret : pod.spec.key("imagePullSecrets").items())
      check_name(secret.key("name"), subdomain_fault, findings);
    for (const Place& volume : pod.spec.key("volumes").items())
      check(volume.at("persistentVolumeClaim.claimName"), subdomain_fault);
  }
  for (const char* type : {"PersistentVolume", "PersistentVolumeClaim"})
    for (const Place& root : set.of(type)) {
      const Place storage_class = root.at("spec.storageClassName");
      // An empty class asks for no class at all.
      if (!storage_class.text().empty()) check(storage_class, subdomain_fault);
      check(root.at("spec.volumeName"), subdomain_fault);
    }
  for (const Place& root : set.of("Ingress")) check(root.at("spec.ingressClassName"), subdomain_fault);
}

}  // namespace swift::k8sgen::rules
