// What the rules walk over: the objects of one task, with the pod templates and job templates that are inside
// them.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "k8sgen/rules/place.h"
#include "k8sgen/version.h"

namespace swift::k8sgen {

using Labels = std::map<std::string, std::string, std::less<>>;

// A pod template of any kind of object.
struct Pod {
  Place metadata;
  Place spec;
  std::vector<Place> containers;       // init containers first
  std::vector<Place> main_containers;  // without init containers
  Labels labels;                       // of the template, and those that its controller adds
  std::string role;                    // replica type, task or replicated job within the object; may be empty
};

// Labels of pods whose template is outside the set, such as those of a TrainJob.
struct ForeignPods {
  Place owner;
  Labels labels;
};

// The kind, with "VolcanoJob" for that of batch.volcano.sh.
std::string type_of(const Object& object);
std::string namespace_of(const Object& object);

// Every pod template of an object: Deployment, Job, CronJob, JobSet, LeaderWorkerSet (leader and worker),
// PyTorchJob replicas, Volcano tasks, InferenceService predictor (whose `model` counts as a container) and
// training runtimes.
std::vector<Pod> pods_of(const Object& object);
// `spec` of every batch/v1 Job within an object: Job, CronJob, JobSet and training runtimes.
std::vector<Place> jobs_of(const Object& object);

struct Set {
  Set(std::span<const Object> objects, const Version& version);

  std::span<const Object> objects;
  Version version;
  std::vector<Place> roots;  // one an object
  std::vector<Place> inner;  // every map and list within the objects
  std::vector<Pod> pods;
  std::vector<ForeignPods> foreign_pods;
  std::vector<Place> jobs;

  // Maps and lists under a key of that name, anywhere.
  std::vector<Place> named(std::string_view key) const;
  // Roots of one type (see type_of).
  std::vector<Place> of(std::string_view type) const;
  // The root of an object in the namespace of another one.
  std::optional<Place> find(std::string_view type, std::string_view name, const Object& beside) const;
  // Pod templates of an object.
  std::vector<const Pod*> pods_in(const Object& object) const;
  // Pod templates in the namespace of `beside` with these labels; `foreign` is set when pods without a
  // template match.
  std::vector<const Pod*> selected(const std::function<bool(const Labels&)>& matches, const Object& beside,
                                   bool& foreign) const;
};

// Whether the container declares the port, given by name (text) or number.
bool has_port(const Place& container, const Place& port);

// Whether a plain map of labels, such as a Service's selector, or a LabelSelector matches.
bool map_matches(const Place& map, const Labels& labels);
bool selector_matches(const Place& selector, const Labels& labels);

}  // namespace swift::k8sgen
