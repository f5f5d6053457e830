// The kinds of objects, one file each under kinds/, and the table that puts them in order (kinds.cc).
#pragma once
#include <vector>

#include "k8sgen/parts.h"

namespace swift::k8sgen {

// One row: an object that the plan may want.
struct Kind {
  bool (*wanted)(const Plan& plan);
  Node (*build)(const Plan& plan);
  const char* why;      // one line for --explain
  const char* setting;  // JSON pointer of the setting that governs it
};

// Every object of the plan in the order in which they should be applied. Job names already hold the hash.
std::vector<Object> objects(Plan plan);

Node service_account(const Plan& plan);
Node serving_config_map(const Plan& plan);
Node persistent_volume(const Plan& plan);
Node persistent_volume_claim(const Plan& plan);
Node service(const Plan& plan);
Node deployment(const Plan& plan);
Node leader_worker_set(const Plan& plan);
Node inference_service(const Plan& plan);
Node horizontal_pod_autoscaler(const Plan& plan);
Node scaled_object(const Plan& plan);
Node pod_disruption_budget(const Plan& plan);
Node ingress(const Plan& plan);
Node http_route(const Plan& plan);
Node serving_network_policy(const Plan& plan);
Node pod_monitor(const Plan& plan);

Node training_account(const Plan& plan);
Node training_config_map(const Plan& plan);
Node rendezvous_service(const Plan& plan);
Node job(const Plan& plan);
Node cron_job(const Plan& plan);
Node job_set(const Plan& plan);
Node pytorch_job(const Plan& plan);
Node train_job(const Plan& plan);
Node volcano_job(const Plan& plan);
Node training_network_policy(const Plan& plan);

// Serving shrinks while the nightly training runs.
Node scaling_account(const Plan& plan);
Node scaling_role(const Plan& plan);
Node scaling_role_binding(const Plan& plan);
Node shrink_cron_job(const Plan& plan);
Node restore_cron_job(const Plan& plan);
Node scaling_network_policy(const Plan& plan);

// What a workload of this plan is called in references to it: {apiVersion, kind, name}.
Node serving_reference(const Plan& plan);

}  // namespace swift::k8sgen
