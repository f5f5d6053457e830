#include "k8sgen/check.h"

#include "k8sgen/rules/rules.h"

namespace swift::k8sgen {
namespace {

struct Rule {
  std::string_view name;
  void (*check)(const Set& set, Findings& findings);
};
constexpr Rule kRules[] = {
    {"object_names", rules::object_names},
    {"namespaces", rules::namespaces},
    {"pod_host_names", rules::pod_host_names},
    {"unique_objects", rules::unique_objects},
    {"container_names", rules::container_names},
    {"volume_names", rules::volume_names},
    {"variable_names", rules::variable_names},
    {"reference_names", rules::reference_names},
    {"labels", rules::labels},
    {"annotations", rules::annotations},
    {"tolerations", rules::tolerations},
    {"workload_selectors", rules::workload_selectors},
    {"service_selectors", rules::service_selectors},
    {"policy_selectors", rules::policy_selectors},
    {"spread_selectors", rules::spread_selectors},
    {"scale_targets", rules::scale_targets},
    {"role_references", rules::role_references},
    {"quantity_grammar", rules::quantity_grammar},
    {"canonical_quantities", rules::canonical_quantities},
    {"whole_units", rules::whole_units},
    {"requests_within_limits", rules::requests_within_limits},
    {"extended_resources", rules::extended_resources},
    {"memory_volumes", rules::memory_volumes},
    {"claim_sizes", rules::claim_sizes},
    {"mounts_declared", rules::mounts_declared},
    {"volumes_used", rules::volumes_used},
    {"mount_paths", rules::mount_paths},
    {"volume_sources", rules::volume_sources},
    {"access_modes", rules::access_modes},
    {"bound_claims", rules::bound_claims},
    {"no_secrets", rules::no_secrets},
    {"variables", rules::variables},
    {"secret_references", rules::secret_references},
    {"config_maps", rules::config_maps},
    {"config_map_references", rules::config_map_references},
    {"probe_bounds", rules::probe_bounds},
    {"probe_successes", rules::probe_successes},
    {"probe_handlers", rules::probe_handlers},
    {"probe_ports", rules::probe_ports},
    {"probe_hosts", rules::probe_hosts},
    {"startup_budget", rules::startup_budget},
    {"grace_periods", rules::grace_periods},
    {"newer_fields", rules::newer_fields},
    {"container_ports", rules::container_ports},
    {"service_ports", rules::service_ports},
    {"service_targets", rules::service_targets},
    {"ingresses", rules::ingresses},
    {"http_routes", rules::http_routes},
    {"replicas", rules::replicas},
    {"rollouts", rules::rollouts},
    {"scaled_replicas", rules::scaled_replicas},
    {"autoscalers", rules::autoscalers},
    {"scaled_objects", rules::scaled_objects},
    {"disruption_budgets", rules::disruption_budgets},
    {"schedules", rules::schedules},
    {"time_zones", rules::time_zones},
    {"cron_jobs", rules::cron_jobs},
    {"restart_policies", rules::restart_policies},
    {"failure_policies", rules::failure_policies},
    {"indexed_jobs", rules::indexed_jobs},
    {"job_bounds", rules::job_bounds},
    {"subdomains", rules::subdomains},
    {"host_access", rules::host_access},
    {"volume_types", rules::volume_types},
    {"non_root", rules::non_root},
    {"privileges", rules::privileges},
    {"capabilities", rules::capabilities},
    {"kernel_profiles", rules::kernel_profiles},
};

}  // namespace

std::vector<Finding> check(std::span<const Object> objects, const Version& version) {
  const Set set(objects, version);
  Findings findings;
  for (const Rule& rule : kRules) {
    findings.begin(rule.name);
    rule.check(set, findings);
  }
  return findings.take();
}

}  // namespace swift::k8sgen
