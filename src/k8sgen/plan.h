// The task as Kubernetes sees it: every name, path, size and default is decided here once; the kinds only lay
// them out. Pure: the same task gives the same plan, but that the bytes of a local model directory are
// measured.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "config/deploy.h"
#include "k8sgen/node.h"
#include "k8sgen/version.h"

namespace swift::k8sgen {

enum class Wanted { all, deployment, job, cronjob };

struct Options {
  Wanted wanted = Wanted::all;
  Version version;
  std::optional<std::string> name;        // instead of deploy.name
  std::optional<std::string> namespace_;  // instead of deploy.namespace
};

// A value and the setting that governs it (JSON pointer within the task).
struct Chosen {
  std::string text;
  std::string setting;
  Node node() const { return Node(text).from(setting); }
};

struct PodSize {
  Node limits = Node::map();
  Node requests = Node::map();
  int64_t gpus = 0;
  Chosen shm;
};

struct Plan {
  config::Task task;
  config::Deploy deploy;
  Version version;
  Chosen name;
  std::string namespace_;  // empty: none
  Chosen train_name;       // base of the training objects
  std::string run_hash;    // of a Job's spec, 8 hex digits: its name changes with the task; empty: a CronJob
  Chosen service_name;
  Chosen image, train_image;
  Chosen model_path, model_name;
  Chosen train_model, output_dir;  // of the training pod; no train_model: model_type decides
  std::string quantization;        // empty: none
  int64_t model_bytes = 0;
  int64_t startup_seconds = 0;
  PodSize serve_size, train_size;
  std::string config_text;  // the canonical task YAML
  std::string config_hash;  // of config_text, 16 hex digits
  bool serves = false, trains = false;
  bool job = false, cron_job = false;
  int64_t train_deadline = 0;  // seconds
  std::string claim;           // the PersistentVolumeClaim of the models; empty: none

  // One model over several pods: a LeaderWorkerSet.
  bool in_groups() const { return deploy.workload == "leaderworkerset" || deploy.nodes > 1; }
  bool multi_node_training() const { return deploy.train.nodes > 1; }
  bool autoscaled() const { return deploy.autoscaling.given; }
  // More than one serving pod at some time.
  bool several_replicas() const { return autoscaled() ? deploy.autoscaling.max > 1 : deploy.replicas > 1; }
};

// Faults that no object could show (contradictions, a model outside every mount) go to the report.
Plan make_plan(const config::Task& task, const Options& options, config::Report& report);

}  // namespace swift::k8sgen
