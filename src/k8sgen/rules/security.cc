// Pod Security Standards, profile "restricted" (which holds all of "baseline").
#include <fmt/format.h>

#include <algorithm>

#include "k8sgen/rules/rules.h"

namespace swift::k8sgen::rules {
namespace {

template <size_t N>
bool among(const std::string& text, const std::string_view (&allowed)[N]) {
  return std::find(std::begin(allowed), std::end(allowed), text) != std::end(allowed);
}

constexpr std::string_view kVolumes[] = {"configMap", "csi",       "downwardAPI",           "emptyDir",
                                         "ephemeral", "projected", "persistentVolumeClaim", "secret"};
constexpr std::string_view kSeccomp[] = {"RuntimeDefault", "Localhost"};
constexpr std::string_view kSeLinux[] = {"", "container_t", "container_init_t", "container_kvm_t",
                                         "container_engine_t"};
constexpr std::string_view kSysctls[] = {
    "kernel.shm_rmid_forced",       "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",      "net.ipv4.ping_group_range",    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",  "net.ipv4.tcp_fin_timeout",     "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes"};

constexpr const char* kProfile = "the Pod Security profile \"restricted\"";

// The pod's securityContext, then those of its containers.
std::vector<Place> contexts(const Pod& pod) {
  std::vector<Place> found{pod.spec.key("securityContext")};
  for (const Place& container : pod.containers) found.push_back(container.key("securityContext"));
  return found;
}

// Whether every container has the wanted value, of its own or of the pod. A wrong value of its own is a
// fault.
template <class Good>
void check_inherited(const Pod& pod, std::string_view path, Good good, const std::string& want,
                     Findings& findings) {
  const std::vector<Place> places = contexts(pod);
  const Place of_pod = places.front().at(path);
  bool missing = false;
  for (size_t i = 1; i < places.size(); ++i) {
    const Place own = places[i].at(path);
    if (own.exists() ? !good(own) : false)
      findings.add(own, fmt::format("{}: {} wants {}", own.shown(), kProfile, want));
    missing = missing || !own.exists();
  }
  if (of_pod.exists() ? !good(of_pod) : missing)
    findings.add(of_pod, fmt::format("{}: {} wants {}", of_pod.shown(), kProfile, want));
}

}  // namespace

void host_access(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods) {
    for (const char* key : {"hostNetwork", "hostPID", "hostIPC"})
      if (pod.spec.boolean(key) == true)
        findings.add(pod.spec.key(key),
                     fmt::format("true: {} keeps pods apart from the node; leave it out", kProfile));
    for (const Place& container : pod.containers)
      for (const Place& port : container.key("ports").items())
        if (port.integer("hostPort").value_or(0) != 0)
          findings.add(port.key("hostPort"), fmt::format("{}: {} allows no port of the node; use a Service",
                                                         port.key("hostPort").shown(), kProfile));
    for (const Place& context : contexts(pod))
      if (context.boolean("windowsOptions.hostProcess") == true)
        findings.add(context.at("windowsOptions.hostProcess"),
                     fmt::format("true: {} allows no host process", kProfile));
  }
}

void volume_types(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods)
    for (const Place& volume : pod.spec.key("volumes").items())
      for (const Place& source : volume.items())
        if (source.last_key() != "name" && !among(source.last_key(), kVolumes))
          findings.add(
              source,
              fmt::format("a volume of type {}: {} allows only configMap, csi, downwardAPI, emptyDir, "
                          "ephemeral, persistentVolumeClaim, projected and secret; use a "
                          "PersistentVolume with a claim",
                          source.last_key(), kProfile));
}

void non_root(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods) {
    check_inherited(
        pod, "runAsNonRoot", [](const Place& place) { return place.boolean() == true; }, "true", findings);
    for (const Place& context : contexts(pod))
      if (context.integer("runAsUser") == 0)
        findings.add(context.key("runAsUser"),
                     fmt::format("0 is root, which {} refuses; write a number such as 10001", kProfile));
  }
}

void privileges(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods)
    for (const Place& container : pod.containers) {
      const Place context = container.key("securityContext");
      if (context.boolean("privileged") == true)
        findings.add(context.key("privileged"), fmt::format("true: {} refuses it; leave it out", kProfile));
      const Place escalation = context.key("allowPrivilegeEscalation");
      if (escalation.boolean() != false)
        findings.add(escalation, fmt::format("{}: {} wants false", escalation.shown(), kProfile));
      const Place proc = context.key("procMount");
      if (proc.exists() && proc.text() != "Default")
        findings.add(proc, fmt::format("{}: {} wants Default; leave it out", proc.shown(), kProfile));
    }
}

void capabilities(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods)
    for (const Place& container : pod.containers) {
      const Place drop = container.at("securityContext.capabilities.drop");
      const std::vector<Place> dropped = drop.items();
      if (std::none_of(dropped.begin(), dropped.end(),
                       [](const Place& name) { return name.text() == "ALL"; }))
        findings.add(drop, fmt::format("does not hold ALL, which {} wants; write [ALL]", kProfile));
      for (const Place& added : container.at("securityContext.capabilities.add").items())
        if (added.text() != "NET_BIND_SERVICE")
          findings.add(added, fmt::format("{}: {} allows only NET_BIND_SERVICE; leave it out", added.shown(),
                                          kProfile));
    }
}

void kernel_profiles(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods) {
    check_inherited(
        pod, "seccompProfile.type", [](const Place& place) { return among(place.text(), kSeccomp); },
        "RuntimeDefault or Localhost", findings);
    for (const Place& context : contexts(pod)) {
      const Place type = context.at("seLinuxOptions.type"), armor = context.at("appArmorProfile.type");
      if (!among(type.text(), kSeLinux))
        findings.add(
            type, fmt::format("{}: {} allows only the container types of SELinux", type.shown(), kProfile));
      for (const char* key : {"user", "role"})
        if (!context.key("seLinuxOptions").text(key).empty())
          findings.add(context.key("seLinuxOptions").key(key),
                       fmt::format("{} refuses it; leave it out", kProfile));
      if (armor.exists() && !among(armor.text(), kSeccomp))
        findings.add(armor, fmt::format("{}: {} wants RuntimeDefault or Localhost", armor.shown(), kProfile));
    }
    for (const Place& sysctl : pod.spec.at("securityContext.sysctls").items())
      if (!among(sysctl.text("name"), kSysctls))
        findings.add(sysctl.key("name"), fmt::format("{} is not among the safe sysctls that {} allows",
                                                     sysctl.key("name").shown(), kProfile));
  }
}

}  // namespace swift::k8sgen::rules
