#include "objects.h"

using namespace swift::k8sgen;

TEST_CASE("schedules and time zones are known") {
  check_cases(
      nightly(),
      {{"CronJob", "/spec/schedule", R"("0 2 * * * *")",
        "schedules: CronJob 'nightly' spec.schedule: the schedule '0 2 * * * *': 6 fields; a schedule has 5: "
        "minute hour day-of-month month day-of-week"},
       {"CronJob", "/spec/schedule", R"("99 2 * * *")",
        "schedules: CronJob 'nightly' spec.schedule: the schedule '99 2 * * *': minute: 99 is outside 0-59"},
       {"CronJob", "/spec/timeZone", R"("Mars/Base")",
        "time_zones: CronJob 'nightly' spec.timeZone: 'Mars/Base' is no time zone of the IANA database; "
        "write a name such as Asia/Shanghai or Etc/UTC"},
       {"CronJob", "/spec/timeZone", R"("Asia/Shangai")",
        "time_zones: CronJob 'nightly' spec.timeZone: 'Asia/Shangai' is no time zone of the IANA database; "
        "did you mean 'Asia/Shanghai'?"},
       {"CronJob", "/spec/timeZone", R"("Local")",
        "time_zones: CronJob 'nightly' spec.timeZone: 'Local' is no time zone of the IANA database; write a "
        "name such as Asia/Shanghai or Etc/UTC"}});
}

TEST_CASE("bounds of a CronJob") {
  check_cases(
      nightly(),
      {{"CronJob", "/spec/startingDeadlineSeconds", "5",
        "cron_jobs: CronJob 'nightly' spec.startingDeadlineSeconds: 5 is below 10, and the controller looks "
        "every 10 seconds; write 10 or more"},
       {"CronJob", "/spec/failedJobsHistoryLimit", "-1",
        "cron_jobs: CronJob 'nightly' spec.failedJobsHistoryLimit: -1 is below 0; write 0 or more"},
       {"CronJob", "/spec/successfulJobsHistoryLimit", "-1",
        "cron_jobs: CronJob 'nightly' spec.successfulJobsHistoryLimit: -1 is below 0; write 0 or more"},
       {"CronJob", "/spec/concurrencyPolicy", R"("Never")",
        "cron_jobs: CronJob 'nightly' spec.concurrencyPolicy: 'Never' is not allowed; write one of Allow, "
        "Forbid, Replace"}});
}

TEST_CASE("pods of Jobs end, and those of servers do not") {
  check_cases(nightly(),
              {{"CronJob", "/spec/jobTemplate/spec/template/spec/restartPolicy", R"("Always")",
                "restart_policies: CronJob 'nightly' spec.jobTemplate.spec.template.spec.restartPolicy: "
                "'Always': pods of a Job end; write Never or OnFailure"},
               {"CronJob", "/spec/jobTemplate/spec/template/spec/restartPolicy", "",
                "restart_policies: CronJob 'nightly' spec.jobTemplate.spec.template.spec.restartPolicy: "
                "absent: pods of a Job end; write Never or OnFailure"},
               {"CronJob", "/spec/jobTemplate/spec/template/spec/restartPolicy", R"("OnFailure")",
                "restart_policies: CronJob 'nightly' spec.jobTemplate.spec.template.spec.restartPolicy: "
                "'OnFailure' beside podFailurePolicy; only pods that are never restarted in place show their "
                "exit code: write Never"}});
  check_cases(serving(), {{"Deployment", "/spec/template/spec/restartPolicy", R"("Never")",
                           "restart_policies: Deployment 'web' spec.template.spec.restartPolicy: 'Never': a "
                           "server is always restarted; leave it out"}});
}

TEST_CASE("a failure policy has sorted exit codes above zero, of a container that exists") {
  check_cases(nightly(),
              {{"CronJob", "/spec/jobTemplate/spec/podFailurePolicy/rules/0/onExitCodes/values", "[0, 2]",
                "failure_policies: CronJob 'nightly' "
                "spec.jobTemplate.spec.podFailurePolicy.rules[0].onExitCodes.values[0]: 0 is success, and "
                "cannot be a failure's code; leave it out"},
               {"CronJob", "/spec/jobTemplate/spec/podFailurePolicy/rules/0/onExitCodes/values", "[3, 2]",
                "failure_policies: CronJob 'nightly' "
                "spec.jobTemplate.spec.podFailurePolicy.rules[0].onExitCodes.values[1]: 2 behind 3: the "
                "codes are to be in rising order, each once"},
               {"CronJob", "/spec/jobTemplate/spec/podFailurePolicy/rules/0/onExitCodes/values", "[300]",
                "failure_policies: CronJob 'nightly' "
                "spec.jobTemplate.spec.podFailurePolicy.rules[0].onExitCodes.values[0]: 300 is no exit code; "
                "write numbers of 0-255"},
               {"CronJob", "/spec/jobTemplate/spec/podFailurePolicy/rules/0/onExitCodes/values", "[]",
                "failure_policies: CronJob 'nightly' "
                "spec.jobTemplate.spec.podFailurePolicy.rules[0].onExitCodes.values: no exit code; write at "
                "least one"},
               {"CronJob", "/spec/jobTemplate/spec/podFailurePolicy/rules/0/onExitCodes/containerName",
                R"("trainer")",
                "failure_policies: CronJob 'nightly' "
                "spec.jobTemplate.spec.podFailurePolicy.rules[0].onExitCodes.containerName: 'trainer' is no "
                "container of the pod template; name one of its containers"},
               {"CronJob", "/spec/jobTemplate/spec/podFailurePolicy/rules/0/action", R"("Fail")",
                "failure_policies: CronJob 'nightly' spec.jobTemplate.spec.podFailurePolicy.rules[0].action: "
                "'Fail' is not allowed; write one of FailJob, FailIndex, Ignore, Count"},
               {"CronJob", "/spec/jobTemplate/spec/podFailurePolicy/rules/1", R"({"action": "Ignore"})",
                "failure_policies: CronJob 'nightly' spec.jobTemplate.spec.podFailurePolicy.rules[1]: a rule "
                "looks at either onExitCodes or onPodConditions; write exactly one"},
               {"CronJob", "/spec/jobTemplate/spec/podFailurePolicy/rules/1/onPodConditions/0/status", "",
                "failure_policies: CronJob 'nightly' "
                "spec.jobTemplate.spec.podFailurePolicy.rules[1].onPodConditions[0]: no status, which "
                "Kubernetes 1.33 needs; write status: \"True\""},
               {"CronJob", "/spec/jobTemplate/spec/podReplacementPolicy", R"("TerminatingOrFailed")",
                "failure_policies: CronJob 'nightly' spec.jobTemplate.spec.podReplacementPolicy: "
                "'TerminatingOrFailed' beside podFailurePolicy; write Failed, so that a pod is replaced only "
                "when it has ended"}});
}

TEST_CASE("the ranks of an Indexed Job exist at the same time, under names that resolve") {
  check_cases(two_nodes(),
              {{"Job", "/spec/parallelism", "1",
                "indexed_jobs: Job 'train-0a1b2c3d' spec.completions: 2 completions and parallelism 1: the "
                "ranks of one run all exist at the same time; write the number of nodes twice"},
               {"Job", "/spec/completions", "",
                "indexed_jobs: Job 'train-0a1b2c3d' spec.completions: absent completions and parallelism 2: "
                "the ranks of one run all exist at the same time; write the number of nodes twice"},
               {"Job", "/spec/template/spec/subdomain", R"("other")",
                "subdomains: Job 'train-0a1b2c3d' spec.template.spec.subdomain: 'other' is no headless "
                "Service of this set, so that the pods' host names would not resolve; add one of this name "
                "with clusterIP: None"},
               {"Service", "/spec/clusterIP", R"("10.0.0.1")",
                "service_ports: Service 'train' spec.ports: no port; write at least one\n"
                "subdomains: Job 'train-0a1b2c3d' spec.template.spec.subdomain: 'train' is no headless "
                "Service of this set, so that the pods' host names would not resolve; add one of this name "
                "with clusterIP: None"}});
  check_cases(nightly(), {{"CronJob", "/spec/jobTemplate/spec/completionMode", R"("Ranked")",
                           "indexed_jobs: CronJob 'nightly' spec.jobTemplate.spec.completionMode: 'Ranked' "
                           "is not allowed; write one of Indexed, NonIndexed"}});
}

TEST_CASE("bounds of a Job") {
  check_cases(
      nightly(),
      {{"CronJob", "/spec/jobTemplate/spec/activeDeadlineSeconds", "0",
        "job_bounds: CronJob 'nightly' spec.jobTemplate.spec.activeDeadlineSeconds: 0 is below 1, and the "
        "Job would end at once; write 1 or more"},
       {"CronJob", "/spec/jobTemplate/spec/backoffLimit", "-1",
        "job_bounds: CronJob 'nightly' spec.jobTemplate.spec.backoffLimit: -1 is below 0; write 0 or more"},
       {"CronJob", "/spec/jobTemplate/spec/ttlSecondsAfterFinished", "-1",
        "job_bounds: CronJob 'nightly' spec.jobTemplate.spec.ttlSecondsAfterFinished: -1 is below 0; write 0 "
        "or more"},
       {"CronJob", "/spec/jobTemplate/spec/backoffLimitPerIndex", "1",
        "job_bounds: CronJob 'nightly' spec.jobTemplate.spec.backoffLimitPerIndex: only Indexed Jobs have "
        "indexes; write backoffLimit"}});
}
