#include "k8sgen/rules/pods.h"

#include <algorithm>

namespace swift::k8sgen {
namespace {

// Labels whose value a controller makes for each pod, so that no template shows them.
constexpr std::string_view kPerPod[] = {"batch.kubernetes.io/job-completion-index",
                                        "batch.kubernetes.io/controller-uid",
                                        "apps.kubernetes.io/pod-index",
                                        "leaderworkerset.sigs.k8s.io/group-index",
                                        "leaderworkerset.sigs.k8s.io/worker-index",
                                        "training.kubeflow.org/replica-index",
                                        "pod-template-hash"};

Pod pod_at(const Place& metadata, const Place& spec, std::string role) {
  Pod pod{metadata, spec, {}, {}, {}, std::move(role)};
  for (const char* list : {"initContainers", "containers", "ephemeralContainers"})
    for (const Place& container : spec.key(list).items()) {
      pod.containers.push_back(container);
      if (std::string_view(list) == "containers") pod.main_containers.push_back(container);
    }
  for (const Place& label : metadata.key("labels").items()) pod.labels[label.last_key()] = label.text();
  return pod;
}

Pod pod_of_template(const Place& pod_template, std::string role = {}) {
  return pod_at(pod_template.key("metadata"), pod_template.key("spec"), std::move(role));
}

// KServe writes the pod's fields, labels and annotations into the predictor itself.
Pod pod_of_predictor(const Place& predictor) {
  Pod pod = pod_at(predictor, predictor, {});
  const Place model = predictor.key("model");
  if (model.exists()) {
    pod.containers.push_back(model);
    pod.main_containers.push_back(model);
  }
  return pod;
}

void add_labels(Pod& pod, std::initializer_list<std::pair<const char*, std::string>> labels) {
  for (const auto& [key, value] : labels) pod.labels.insert_or_assign(key, value);
}

// Pods of the Jobs that a JobSet, or a runtime that holds one, makes.
void add_replicated_jobs(const Place& jobset_spec, const std::string& name, std::vector<Pod>& pods) {
  for (const Place& job : jobset_spec.key("replicatedJobs").items()) {
    pods.push_back(pod_of_template(job.at("template.spec.template"), job.text("name")));
    add_labels(pods.back(), {{"jobset.sigs.k8s.io/jobset-name", name},
                             {"jobset.sigs.k8s.io/replicatedjob-name", job.text("name")}});
  }
}

void add_leader_and_worker(const Place& spec, const std::string& name, std::vector<Pod>& pods) {
  for (const char* role : {"leaderTemplate", "workerTemplate"}) {
    const Place pod_template = spec.key("leaderWorkerTemplate").key(role);
    if (!pod_template.exists()) continue;
    pods.push_back(pod_of_template(pod_template, role));
    add_labels(pods.back(), {{"leaderworkerset.sigs.k8s.io/name", name}});
  }
}

void add_replicas(const Place& spec, const std::string& name, std::vector<Pod>& pods) {
  for (const Place& replica : spec.key("pytorchReplicaSpecs").items()) {
    std::string type = replica.last_key();
    for (char& c : type) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    pods.push_back(pod_of_template(replica.key("template"), replica.last_key()));
    add_labels(pods.back(), {{"training.kubeflow.org/job-name", name},
                             {"training.kubeflow.org/operator-name", "pytorchjob-controller"},
                             {"training.kubeflow.org/replica-type", type}});
    if (type == "master") add_labels(pods.back(), {{"training.kubeflow.org/job-role", "master"}});
  }
}

bool is_runtime(std::string_view type) {
  return type == "TrainingRuntime" || type == "ClusterTrainingRuntime";
}

bool value_matches(const Labels& labels, std::string_view key, std::string_view value) {
  if (std::find(std::begin(kPerPod), std::end(kPerPod), key) != std::end(kPerPod)) return true;
  const auto found = labels.find(key);
  return found != labels.end() && found->second == value;
}

bool expression_matches(const Place& expression, const Labels& labels) {
  const std::string key = expression.text("key"), rule = expression.text("operator");
  const bool has = labels.find(key) != labels.end();
  if (rule == "Exists") return has || value_matches(labels, key, "");
  if (rule == "DoesNotExist") return !has;
  bool among = false;
  for (const Place& value : expression.key("values").items())
    among = among || value_matches(labels, key, value.text());
  return rule == "NotIn" ? !among : among;
}

void collect(const Place& place, std::vector<Place>& inner) {
  for (const Place& item : place.items()) {
    if (!item.node()->is_map() && !item.node()->is_list()) continue;
    inner.push_back(item);
    collect(item, inner);
  }
}

}  // namespace

std::string type_of(const Object& object) {
  std::string kind = object.kind();
  if (kind == "Job" && object.root.text_at("apiVersion").rfind("batch.volcano.sh/", 0) == 0)
    return "VolcanoJob";
  return kind;
}

std::string namespace_of(const Object& object) {
  return object.root.text_at("metadata.namespace");
}

std::vector<Pod> pods_of(const Object& object) {
  const Place root(object), spec = root.key("spec");
  const std::string type = type_of(object), name = object.name();
  std::vector<Pod> pods;
  if (type == "Deployment" || type == "StatefulSet" || type == "DaemonSet") {
    pods.push_back(pod_of_template(spec.key("template")));
  } else if (type == "Job") {
    pods.push_back(pod_of_template(spec.key("template")));
    add_labels(pods.back(), {{"batch.kubernetes.io/job-name", name}, {"job-name", name}});
  } else if (type == "CronJob") {
    pods.push_back(pod_of_template(spec.at("jobTemplate.spec.template")));
  } else if (type == "JobSet") {
    add_replicated_jobs(spec, name, pods);
  } else if (is_runtime(type)) {
    add_replicated_jobs(spec.at("template.spec"), name, pods);
  } else if (type == "LeaderWorkerSet") {
    add_leader_and_worker(spec, name, pods);
  } else if (type == "PyTorchJob") {
    add_replicas(spec, name, pods);
  } else if (type == "VolcanoJob") {
    for (const Place& task : spec.key("tasks").items()) {
      pods.push_back(pod_of_template(task.key("template"), task.text("name")));
      add_labels(pods.back(), {{"volcano.sh/job-name", name}, {"volcano.sh/task-spec", task.text("name")}});
    }
  } else if (type == "InferenceService") {
    pods.push_back(pod_of_predictor(spec.key("predictor")));
    add_labels(pods.back(), {{"serving.kserve.io/inferenceservice", name},
                             {"component", "predictor"},
                             {"app", "isvc." + name + "-predictor"}});
  }
  return pods;
}

std::vector<Place> jobs_of(const Object& object) {
  const Place spec = Place(object).key("spec");
  const std::string type = type_of(object);
  if (type == "Job") return {spec};
  if (type == "CronJob") return {spec.at("jobTemplate.spec")};
  std::vector<Place> jobs;
  if (type == "JobSet" || is_runtime(type))
    for (const Place& job : spec.at(type == "JobSet" ? "" : "template.spec").key("replicatedJobs").items())
      jobs.push_back(job.at("template.spec"));
  return jobs;
}

Set::Set(std::span<const Object> all, const Version& target) : objects(all), version(target) {
  for (const Object& object : objects) {
    roots.emplace_back(object);
    for (Pod& pod : pods_of(object)) pods.push_back(std::move(pod));
    for (Place& job : jobs_of(object)) jobs.push_back(std::move(job));
    collect(roots.back(), inner);
    if (type_of(object) != "TrainJob") continue;
    // The trainer makes a JobSet of the same name, whose pods also get the labels that a patch adds.
    ForeignPods foreign{roots.back(), {{"jobset.sigs.k8s.io/jobset-name", object.name()}}};
    for (const Place& place : inner) {
      if (&place.object() != &object || place.last_key() != "labels") continue;
      for (const Place& label : place.items()) foreign.labels[label.last_key()] = label.text();
    }
    foreign_pods.push_back(std::move(foreign));
  }
}

std::vector<Place> Set::named(std::string_view key) const {
  std::vector<Place> found;
  for (const Place& place : inner)
    if (place.last_key() == key) found.push_back(place);
  return found;
}

std::vector<Place> Set::of(std::string_view type) const {
  std::vector<Place> found;
  for (const Place& root : roots)
    if (type_of(root.object()) == type) found.push_back(root);
  return found;
}

std::optional<Place> Set::find(std::string_view type, std::string_view name, const Object& beside) const {
  for (const Place& root : of(type))
    if (root.object().name() == name && namespace_of(root.object()) == namespace_of(beside)) return root;
  return {};
}

std::vector<const Pod*> Set::pods_in(const Object& object) const {
  std::vector<const Pod*> found;
  for (const Pod& pod : pods)
    if (&pod.spec.object() == &object) found.push_back(&pod);
  return found;
}

std::vector<const Pod*> Set::selected(const std::function<bool(const Labels&)>& matches, const Object& beside,
                                      bool& foreign) const {
  std::vector<const Pod*> found;
  for (const Pod& pod : pods)
    if (namespace_of(pod.spec.object()) == namespace_of(beside) && matches(pod.labels)) found.push_back(&pod);
  foreign = std::any_of(foreign_pods.begin(), foreign_pods.end(),
                        [&](const ForeignPods& pods_) { return matches(pods_.labels); });
  return found;
}

bool has_port(const Place& container, const Place& port) {
  for (const Place& declared : container.key("ports").items()) {
    if (port.integer() ? declared.integer("containerPort") == port.integer()
                       : declared.text("name") == port.text())
      return true;
  }
  return false;
}

bool map_matches(const Place& map, const Labels& labels) {
  const std::vector<Place> wanted = map.items();
  return std::all_of(wanted.begin(), wanted.end(), [&](const Place& label) {
    return value_matches(labels, label.last_key(), label.text());
  });
}

bool selector_matches(const Place& selector, const Labels& labels) {
  if (!map_matches(selector.key("matchLabels"), labels)) return false;
  const std::vector<Place> expressions = selector.key("matchExpressions").items();
  return std::all_of(expressions.begin(), expressions.end(),
                     [&](const Place& expression) { return expression_matches(expression, labels); });
}

}  // namespace swift::k8sgen
