// Probes, the time that a pod gets to start, and the time that it gets to end.
#include <fmt/format.h>

#include <charconv>

#include "k8sgen/rules/rules.h"

namespace swift::k8sgen::rules {
namespace {

constexpr const char* kProbes[] = {"startupProbe", "livenessProbe", "readinessProbe"};
constexpr const char* kHooks[] = {"postStart", "preStop"};
constexpr const char* kHandlers[] = {"httpGet", "tcpSocket", "exec", "grpc", "sleep"};
// Defaults of the API.
constexpr int64_t kGrace = 30, kProgressDeadline = 600, kFailures = 3, kPeriod = 10;

template <class Visit>
void each_probe(const Set& set, Visit visit) {
  for (const Pod& pod : set.pods)
    for (const Place& container : pod.containers)
      for (const char* kind : kProbes)
        if (container.key(kind).exists()) visit(pod, container, container.key(kind));
}

// Probes and lifecycle hooks.
template <class Visit>
void each_handler(const Set& set, Visit visit) {
  each_probe(set, [&](const Pod&, const Place& container, const Place& probe) { visit(container, probe); });
  for (const Pod& pod : set.pods)
    for (const Place& container : pod.containers)
      for (const char* hook : kHooks)
        if (container.key("lifecycle").key(hook).exists())
          visit(container, container.key("lifecycle").key(hook));
}

// The number behind the word "sleep": of the next argument, or of a shell's text.
int64_t slept(std::string_view text) {
  const size_t word = text.find("sleep ");
  if (word == text.npos) return 0;
  text.remove_prefix(word + 6);
  int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return seconds;
}

// Seconds that the preStop hook takes from the grace period.
int64_t pre_stop_seconds(const Place& container) {
  const Place hook = container.at("lifecycle.preStop");
  if (const auto seconds = hook.integer("sleep.seconds")) return *seconds;
  std::string command;
  for (const Place& word : hook.at("exec.command").items()) command += word.scalar() + " ";
  return slept(command);
}

}  // namespace

void probe_bounds(const Set& set, Findings& findings) {
  each_probe(set, [&](const Pod&, const Place&, const Place& probe) {
    for (const char* key : {"failureThreshold", "successThreshold", "periodSeconds", "timeoutSeconds"}) {
      const auto value = probe.integer(key);
      if (value && *value < 1)
        findings.add(probe.key(key), fmt::format("{} is below 1; write 1 or more", *value));
    }
    const auto delay = probe.integer("initialDelaySeconds");
    if (delay && *delay < 0)
      findings.add(probe.key("initialDelaySeconds"), fmt::format("{} is below 0; write 0 or more", *delay));
  });
}

void probe_successes(const Set& set, Findings& findings) {
  each_probe(set, [&](const Pod&, const Place&, const Place& probe) {
    const auto value = probe.integer("successThreshold");
    if (value && *value > 1 && probe.last_key() != "readinessProbe")
      findings.add(probe.key("successThreshold"),
                   fmt::format("{}: startup and liveness need exactly 1 success; leave it out", *value));
  });
}

void probe_handlers(const Set& set, Findings& findings) {
  each_handler(set, [&](const Place&, const Place& probe) {
    int count = 0;
    for (const char* handler : kHandlers) count += probe.key(handler).exists() ? 1 : 0;
    if (count != 1)
      findings.add(probe,
                   fmt::format("{} handlers; write exactly one of httpGet, tcpSocket, exec or grpc", count));
    const Place path = probe.at("httpGet.path");
    if (path.exists() && path.text().substr(0, 1) != "/")
      findings.add(path, fmt::format("{} does not begin with '/'; begin it so", path.shown()));
  });
}

void probe_ports(const Set& set, Findings& findings) {
  each_handler(set, [&](const Place& container, const Place& probe) {
    for (const char* handler : {"httpGet", "tcpSocket", "grpc"}) {
      if (!probe.key(handler).exists()) continue;
      const Place port = probe.key(handler).key("port");
      if (!has_port(container, port))
        findings.add(port, fmt::format("{} is no port of container {}; name one of its ports", port.shown(),
                                       container.key("name").shown()));
    }
  });
}

void probe_hosts(const Set& set, Findings& findings) {
  each_handler(set, [&](const Place&, const Place& probe) {
    for (const char* handler : {"httpGet", "tcpSocket"}) {
      const Place host = probe.key(handler).key("host");
      if (host.exists())
        findings.add(
            host, fmt::format("{}: Pod Security refuses hosts in probes and hooks; leave it out, so that the "
                              "pod itself is asked",
                              host.shown()));
    }
  });
}

void startup_budget(const Set& set, Findings& findings) {
  each_probe(set, [&](const Pod& pod, const Place&, const Place& probe) {
    if (probe.last_key() != "startupProbe" || type_of(pod.spec.object()) != "Deployment") return;
    const int64_t budget = probe.integer("failureThreshold").value_or(kFailures) *
                               probe.integer("periodSeconds").value_or(kPeriod) +
                           probe.integer("initialDelaySeconds").value_or(0);
    const Place deadline = Place(pod.spec.object()).at("spec.progressDeadlineSeconds");
    const int64_t seconds = deadline.integer().value_or(kProgressDeadline);
    if (budget >= seconds)
      findings.add(deadline,
                   fmt::format("{} seconds{}, but the startup probe may take {}; the rollout would be called "
                               "failed while the model loads: write more than {}",
                               seconds, deadline.exists() ? "" : " (the default)", budget, budget));
  });
}

void grace_periods(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods) {
    const Place grace = pod.spec.key("terminationGracePeriodSeconds");
    const int64_t seconds = grace.integer().value_or(kGrace);
    if (seconds <= 0) {
      findings.add(grace, fmt::format("{}: the pod would be killed at once; write more than 0", seconds));
      continue;
    }
    for (const Place& container : pod.containers) {
      const int64_t sleep = pre_stop_seconds(container);
      if (sleep > 0 && seconds <= sleep)
        findings.add(
            grace,
            fmt::format("{} seconds{}, but the preStop hook of {} takes {}, which leaves the server none "
                        "to finish its requests: write more than {}",
                        seconds, grace.exists() ? "" : " (the default)", container.key("name").shown(), sleep,
                        sleep));
    }
  }
}

void newer_fields(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods)
    for (const Place& container : pod.containers)
      for (const char* hook : kHooks) {
        const Place sleep = container.key("lifecycle").key(hook).key("sleep");
        if (sleep.exists() && !set.version.at_least(kPreStopSleep))
          findings.add(
              sleep, fmt::format("the sleep action exists from Kubernetes 1.{}, and the target is {}; use an "
                                 "exec command or a newer --kube-version",
                                 kPreStopSleep, set.version.str()));
      }
}

}  // namespace swift::k8sgen::rules
