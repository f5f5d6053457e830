// Every rule, one function each. A rule walks the set and adds what breaks it.
#pragma once
#include "k8sgen/rules/pods.h"

namespace swift::k8sgen::rules {

// Names of objects and of what is inside a pod.
void object_names(const Set& set, Findings& findings);
void namespaces(const Set& set, Findings& findings);
void pod_host_names(const Set& set, Findings& findings);
void unique_objects(const Set& set, Findings& findings);
void container_names(const Set& set, Findings& findings);
void volume_names(const Set& set, Findings& findings);
void variable_names(const Set& set, Findings& findings);
void reference_names(const Set& set, Findings& findings);

// Labels, annotations and the maps that choose by labels.
void labels(const Set& set, Findings& findings);
void annotations(const Set& set, Findings& findings);
void tolerations(const Set& set, Findings& findings);

// What points at pods or at other objects of the set.
void workload_selectors(const Set& set, Findings& findings);
void service_selectors(const Set& set, Findings& findings);
void policy_selectors(const Set& set, Findings& findings);
void spread_selectors(const Set& set, Findings& findings);
void scale_targets(const Set& set, Findings& findings);
void role_references(const Set& set, Findings& findings);

// Amounts of resources: grammar, spelling, requests and limits.
void quantity_grammar(const Set& set, Findings& findings);
void canonical_quantities(const Set& set, Findings& findings);
void whole_units(const Set& set, Findings& findings);
void requests_within_limits(const Set& set, Findings& findings);
void extended_resources(const Set& set, Findings& findings);
void memory_volumes(const Set& set, Findings& findings);
void claim_sizes(const Set& set, Findings& findings);

// Volumes of pods, where they are mounted, and the claims and volumes of storage.
void mounts_declared(const Set& set, Findings& findings);
void volumes_used(const Set& set, Findings& findings);
void mount_paths(const Set& set, Findings& findings);
void volume_sources(const Set& set, Findings& findings);
void access_modes(const Set& set, Findings& findings);
void bound_claims(const Set& set, Findings& findings);

// Secrets and config maps: what they hold, and what refers to them.
void no_secrets(const Set& set, Findings& findings);
void variables(const Set& set, Findings& findings);
void secret_references(const Set& set, Findings& findings);
void config_maps(const Set& set, Findings& findings);
void config_map_references(const Set& set, Findings& findings);

// Probes, the time that a pod gets to start, and the time that it gets to end.
void probe_bounds(const Set& set, Findings& findings);
void probe_successes(const Set& set, Findings& findings);
void probe_handlers(const Set& set, Findings& findings);
void probe_ports(const Set& set, Findings& findings);
void probe_hosts(const Set& set, Findings& findings);
void startup_budget(const Set& set, Findings& findings);
void grace_periods(const Set& set, Findings& findings);
void newer_fields(const Set& set, Findings& findings);

// Ports of containers and Services, and the routes that lead to them.
void container_ports(const Set& set, Findings& findings);
void service_ports(const Set& set, Findings& findings);
void service_targets(const Set& set, Findings& findings);
void ingresses(const Set& set, Findings& findings);
void http_routes(const Set& set, Findings& findings);

// Replicas, rollouts, autoscaling and disruption of what serves.
void replicas(const Set& set, Findings& findings);
void rollouts(const Set& set, Findings& findings);
void scaled_replicas(const Set& set, Findings& findings);
void autoscalers(const Set& set, Findings& findings);
void scaled_objects(const Set& set, Findings& findings);
void disruption_budgets(const Set& set, Findings& findings);

// Jobs and their schedules.
void schedules(const Set& set, Findings& findings);
void time_zones(const Set& set, Findings& findings);
void cron_jobs(const Set& set, Findings& findings);
void restart_policies(const Set& set, Findings& findings);
void failure_policies(const Set& set, Findings& findings);
void indexed_jobs(const Set& set, Findings& findings);
void job_bounds(const Set& set, Findings& findings);
void subdomains(const Set& set, Findings& findings);

// Pod Security Standards, profile "restricted" (which holds all of "baseline").
void host_access(const Set& set, Findings& findings);
void volume_types(const Set& set, Findings& findings);
void non_root(const Set& set, Findings& findings);
void privileges(const Set& set, Findings& findings);
void capabilities(const Set& set, Findings& findings);
void kernel_profiles(const Set& set, Findings& findings);

}  // namespace swift::k8sgen::rules
