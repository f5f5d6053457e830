// Volumes of pods, where they are mounted, and the claims and volumes of storage.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "k8sgen/quantity.h"
#include "k8sgen/rules/rules.h"

namespace swift::k8sgen::rules {
namespace {

std::set<std::string> texts_of(const Place& list) {
  std::set<std::string> texts;
  for (const Place& item : list.items()) texts.insert(item.text());
  return texts;
}

bool has_parent_step(std::string_view path) {
  while (true) {
    const size_t slash = path.find('/');
    if (path.substr(0, slash) == "..") return true;
    if (slash == path.npos) return false;
    path.remove_prefix(slash + 1);
  }
}

void check_mount_path(const Place& path, std::set<std::string>& seen, Findings& findings) {
  std::string text = path.text();
  if (text.empty() || text[0] != '/')
    findings.add(path, fmt::format("{} is no absolute path; begin it with '/'", path.shown()));
  if (text.find(':') != text.npos)
    findings.add(path, fmt::format("{} holds ':'; container runtimes split mounts there: use another path",
                                   path.shown()));
  if (has_parent_step(text))
    findings.add(path, fmt::format("{} holds '..'; write the path itself", path.shown()));
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  if (!seen.insert(text).second)
    findings.add(path, fmt::format("{}: a second mount at this path; give each its own", path.shown()));
}

void check_access_modes(const Place& modes, Findings& findings) {
  constexpr std::string_view known[] = {"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"};
  if (modes.items().empty())
    findings.add(modes, "no access mode; write ReadWriteOnce, ReadOnlyMany or ReadWriteMany");
  for (const Place& mode : modes.items())
    if (std::find(std::begin(known), std::end(known), mode.text()) == std::end(known))
      findings.add(mode,
                   fmt::format("{} is no access mode; write ReadWriteOnce, ReadOnlyMany, ReadWriteMany or "
                               "ReadWriteOncePod",
                               mode.shown()));
}

// A claim and the volume of the set that it names.
void check_pair(const Place& claim, const Place& volume, Findings& findings) {
  const std::set<std::string> offered = texts_of(volume.at("spec.accessModes"));
  for (const Place& mode : claim.at("spec.accessModes").items())
    if (!offered.contains(mode.text()))
      findings.add(
          mode, fmt::format("{} is not among the access modes of PersistentVolume '{}'; the claim would stay "
                            "pending: write the same modes",
                            mode.shown(), volume.object().name()));
  const Place storage_class = claim.at("spec.storageClassName");
  if (storage_class.text() != volume.text("spec.storageClassName") || !storage_class.exists())
    findings.add(
        storage_class,
        fmt::format("{} is not the class '{}' of PersistentVolume '{}'; write the same, '' for "
                    "none",
                    storage_class.shown(), volume.text("spec.storageClassName"), volume.object().name()));
  const Place size = claim.at("spec.resources.requests.storage");
  const auto asked = Quantity::parse(size.scalar());
  const auto capacity = Quantity::parse(volume.at("spec.capacity.storage").scalar());
  if (asked && capacity && *asked > *capacity)
    findings.add(
        size, fmt::format("{} is above the capacity {} of PersistentVolume '{}'; ask for at most that",
                          size.shown(), volume.at("spec.capacity.storage").shown(), volume.object().name()));
  const Place reference = volume.at("spec.claimRef");
  if (reference.exists() && reference.text("namespace").empty())
    findings.add(reference,
                 "no namespace, so that no claim matches it; write the claim's, or leave claimRef out");
  else if (reference.exists() && (reference.text("name") != claim.object().name() ||
                                  reference.text("namespace") != namespace_of(claim.object())))
    findings.add(reference,
                 fmt::format("names claim '{}' in namespace '{}', but '{}' in '{}' asks for the volume; name "
                             "that one",
                             reference.text("name"), reference.text("namespace"), claim.object().name(),
                             namespace_of(claim.object())));
}

}  // namespace

void mounts_declared(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods) {
    std::set<std::string> declared;
    for (const Place& volume : pod.spec.key("volumes").items()) declared.insert(volume.text("name"));
    for (const Place& container : pod.containers)
      for (const Place& mount : container.key("volumeMounts").items())
        if (!declared.contains(mount.text("name")))
          findings.add(mount.key("name"), fmt::format("{} is no volume of the pod; declare it under volumes",
                                                      mount.key("name").shown()));
  }
}

void volumes_used(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods) {
    std::set<std::string> used;
    for (const Place& container : pod.containers)
      for (const char* list : {"volumeMounts", "volumeDevices"})
        for (const Place& mount : container.key(list).items()) used.insert(mount.text("name"));
    for (const Place& volume : pod.spec.key("volumes").items())
      if (!used.contains(volume.text("name")))
        findings.add(volume.key("name"),
                     fmt::format("{} is mounted by no container; mount it or leave it out",
                                 volume.key("name").shown()));
  }
}

void mount_paths(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods)
    for (const Place& container : pod.containers) {
      std::set<std::string> seen;
      for (const Place& mount : container.key("volumeMounts").items()) {
        check_mount_path(mount.key("mountPath"), seen, findings);
        const Place sub = mount.key("subPath");
        if (sub.exists() && (sub.text().substr(0, 1) == "/" || has_parent_step(sub.text())))
          findings.add(sub,
                       fmt::format("{} leaves the volume; write a relative path without '..'", sub.shown()));
      }
    }
}

void volume_sources(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods)
    for (const Place& volume : pod.spec.key("volumes").items())
      if (volume.node()->keys().size() != 2)
        findings.add(volume,
                     fmt::format("volume {} has {} sources; write exactly one", volume.key("name").shown(),
                                 volume.node()->keys().size() - (volume.key("name").exists() ? 1 : 0)));
}

void access_modes(const Set& set, Findings& findings) {
  for (const char* type : {"PersistentVolume", "PersistentVolumeClaim"})
    for (const Place& root : set.of(type)) check_access_modes(root.at("spec.accessModes"), findings);
}

void bound_claims(const Set& set, Findings& findings) {
  for (const Place& claim : set.of("PersistentVolumeClaim"))
    for (const Place& volume : set.of("PersistentVolume"))
      if (volume.object().name() == claim.text("spec.volumeName")) check_pair(claim, volume, findings);
}

}  // namespace swift::k8sgen::rules
