// Jobs and their schedules.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "k8sgen/cron.h"
#include "k8sgen/names.h"
#include "k8sgen/rules/rules.h"

namespace swift::k8sgen::rules {
namespace {

void at_least(const Place& place, int64_t lowest, std::string_view why, Findings& findings) {
  const auto value = place.integer();
  if (value && *value < lowest)
    findings.add(place, fmt::format("{} is below {}{}; write {} or more", *value, lowest, why, lowest));
}

void one_of(const Place& place, std::initializer_list<std::string_view> allowed, Findings& findings) {
  if (!place.exists() || std::find(allowed.begin(), allowed.end(), place.text()) != allowed.end()) return;
  std::string names;
  for (const std::string_view name : allowed) names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  findings.add(place, fmt::format("{} is not allowed; write one of {}", place.shown(), names));
}

void check_exit_codes(const Place& codes, const Place& pod_spec, Findings& findings) {
  one_of(codes.key("operator"), {"In", "NotIn"}, findings);
  const Place values = codes.key("values");
  if (values.items().empty()) findings.add(values, "no exit code; write at least one");
  int64_t before = -1;
  for (const Place& value : values.items()) {
    const auto code = value.integer();
    if (code == 0 && codes.text("operator") == "In")
      findings.add(value, "0 is success, and cannot be a failure's code; leave it out");
    if (!code || *code < 0 || *code > 255)
      findings.add(value, fmt::format("{} is no exit code; write numbers of 0-255", value.shown()));
    else if (*code <= before)
      findings.add(
          value, fmt::format("{} behind {}: the codes are to be in rising order, each once", *code, before));
    before = code.value_or(before);
  }
  const Place name = codes.key("containerName");
  if (!name.exists()) return;
  for (const char* list : {"initContainers", "containers"})
    for (const Place& container : pod_spec.key(list).items())
      if (container.text("name") == name.text()) return;
  findings.add(
      name, fmt::format("{} is no container of the pod template; name one of its containers", name.shown()));
}

}  // namespace

void schedules(const Set& set, Findings& findings) {
  for (const Place& root : set.of("CronJob")) {
    const Place schedule = root.at("spec.schedule");
    if (const auto fault = schedule_fault(schedule.text()))
      findings.add(schedule, fmt::format("the schedule {}: {}", schedule.shown(), *fault));
  }
}

void time_zones(const Set& set, Findings& findings) {
  for (const Place& root : set.of("CronJob")) {
    const Place zone = root.at("spec.timeZone");
    if (!zone.exists() || is_time_zone(zone.text())) continue;
    const auto meant = nearest_time_zone(zone.text());
    findings.add(zone, fmt::format("{} is no time zone of the IANA database; {}", zone.shown(),
                                   meant ? fmt::format("did you mean '{}'?", *meant)
                                         : "write a name such as Asia/Shanghai or Etc/UTC"));
  }
}

void cron_jobs(const Set& set, Findings& findings) {
  for (const Place& root : set.of("CronJob")) {
    const Place spec = root.key("spec");
    at_least(spec.key("startingDeadlineSeconds"), 10, ", and the controller looks every 10 seconds",
             findings);
    at_least(spec.key("successfulJobsHistoryLimit"), 0, "", findings);
    at_least(spec.key("failedJobsHistoryLimit"), 0, "", findings);
    one_of(spec.key("concurrencyPolicy"), {"Allow", "Forbid", "Replace"}, findings);
  }
}

void restart_policies(const Set& set, Findings& findings) {
  for (const Place& job : set.jobs) {
    const Place policy = job.at("template.spec.restartPolicy");
    if (policy.text() != "Never" && policy.text() != "OnFailure")
      findings.add(policy, fmt::format("{}: pods of a Job end; write Never or OnFailure", policy.shown()));
    else if (policy.text() != "Never" && job.key("podFailurePolicy").exists())
      findings.add(policy,
                   fmt::format("{} beside podFailurePolicy; only pods that are never restarted in place show "
                               "their exit code: write Never",
                               policy.shown()));
  }
  for (const Pod& pod : set.pods) {
    const std::string type = type_of(pod.spec.object());
    const Place policy = pod.spec.key("restartPolicy");
    if ((type == "Deployment" || type == "LeaderWorkerSet") && policy.exists() && policy.text() != "Always")
      findings.add(policy, fmt::format("{}: a server is always restarted; leave it out", policy.shown()));
  }
  for (const Place& root : set.of("PyTorchJob"))
    for (const Place& replica : root.at("spec.pytorchReplicaSpecs").items())
      one_of(replica.key("restartPolicy"), {"Always", "OnFailure", "Never", "ExitCode"}, findings);
}

void failure_policies(const Set& set, Findings& findings) {
  for (const Place& job : set.jobs) {
    const Place policy = job.key("podFailurePolicy");
    if (!policy.exists()) continue;
    if (policy.key("rules").items().size() > 20)
      findings.add(policy.key("rules"), "more than 20 rules; write at most 20");
    for (const Place& rule : policy.key("rules").items()) {
      one_of(rule.key("action"), {"FailJob", "FailIndex", "Ignore", "Count"}, findings);
      if (rule.key("onExitCodes").exists() == rule.key("onPodConditions").exists())
        findings.add(rule, "a rule looks at either onExitCodes or onPodConditions; write exactly one");
      if (rule.key("onExitCodes").exists())
        check_exit_codes(rule.key("onExitCodes"), job.at("template.spec"), findings);
      for (const Place& condition : rule.key("onPodConditions").items())
        if (!condition.key("status").exists() && !set.version.at_least(35))
          findings.add(condition, fmt::format("no status, which Kubernetes {} needs; write status: \"True\"",
                                              set.version.str()));
    }
    const Place replacement = job.key("podReplacementPolicy");
    if (replacement.exists() && replacement.text() != "Failed")
      findings.add(replacement,
                   fmt::format("{} beside podFailurePolicy; write Failed, so that a pod is replaced only "
                               "when it has ended",
                               replacement.shown()));
  }
}

void indexed_jobs(const Set& set, Findings& findings) {
  for (const Place& job : set.jobs) {
    one_of(job.key("completionMode"), {"Indexed", "NonIndexed"}, findings);
    if (job.text("completionMode") != "Indexed") continue;
    const Place completions = job.key("completions"), parallelism = job.key("parallelism");
    if (!completions.integer() || completions.integer() != parallelism.integer())
      findings.add(completions,
                   fmt::format("{} completions and parallelism {}: the ranks of one run all exist at the "
                               "same time; write the number of nodes twice",
                               completions.shown(), parallelism.shown()));
  }
}

void job_bounds(const Set& set, Findings& findings) {
  for (const Place& job : set.jobs) {
    at_least(job.key("activeDeadlineSeconds"), 1, ", and the Job would end at once", findings);
    at_least(job.at("template.spec.activeDeadlineSeconds"), 1, ", and the pod would end at once", findings);
    for (const char* key :
         {"backoffLimit", "backoffLimitPerIndex", "ttlSecondsAfterFinished", "completions", "parallelism"})
      at_least(job.key(key), 0, "", findings);
    if (job.key("backoffLimitPerIndex").exists() && job.text("completionMode") != "Indexed")
      findings.add(job.key("backoffLimitPerIndex"), "only Indexed Jobs have indexes; write backoffLimit");
  }
}

void subdomains(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods) {
    const std::string type = type_of(pod.spec.object());
    const Place subdomain = pod.spec.key("subdomain");
    if (!subdomain.exists() || (type != "Job" && type != "CronJob")) continue;
    const auto service = set.find("Service", subdomain.text(), pod.spec.object());
    if (!service || service->text("spec.clusterIP") != "None")
      findings.add(
          subdomain,
          fmt::format("{} is no headless Service of this set, so that the pods' host names would not "
                      "resolve; add one of this name with clusterIP: None",
                      subdomain.shown()));
  }
}

}  // namespace swift::k8sgen::rules
