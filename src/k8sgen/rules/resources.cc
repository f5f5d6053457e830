// Amounts of resources: grammar, spelling, requests and limits.
#include <fmt/format.h>

#include <map>
#include <set>

#include "k8sgen/quantity.h"
#include "k8sgen/rules/rules.h"

namespace swift::k8sgen::rules {
namespace {

// Maps of resource name to amount: limits and requests anywhere, and what a PV or a scheduler names.
std::vector<Place> resource_lists(const Set& set) {
  std::vector<Place> lists;
  for (const char* owner : {"resources", "resourcesPerNode"})
    for (const Place& resources : set.named(owner))
      for (const char* part : {"limits", "requests"})
        if (resources.key(part).exists()) lists.push_back(resources.key(part));
  for (const char* key : {"capacity", "minResources"})
    for (const Place& list : set.named(key)) lists.push_back(list);
  return lists;
}

std::vector<Place> amounts(const Set& set) {
  std::vector<Place> places;
  for (const Place& list : resource_lists(set))
    for (const Place& amount : list.items()) places.push_back(amount);
  for (const Place& volume : set.named("emptyDir"))
    if (volume.key("sizeLimit").exists()) places.push_back(volume.key("sizeLimit"));
  for (const Place& root : set.of("HorizontalPodAutoscaler"))
    for (const Place& metric : root.at("spec.metrics").items())
      for (const Place& source : metric.items())
        for (const char* key : {"averageValue", "value"})
          if (source.key("target").key(key).exists()) places.push_back(source.key("target").key(key));
  return places;
}

std::optional<Quantity> quantity(const Place& place) {
  return Quantity::parse(place.scalar());
}

bool is_extended(std::string_view resource) {
  return resource.find('/') != resource.npos;
}

// limits and requests of containers and nodes, not those of claims.
std::vector<Place> compute_resources(const Set& set) {
  std::vector<Place> found;
  for (const Pod& pod : set.pods)
    for (const Place& container : pod.containers) found.push_back(container.key("resources"));
  for (const Place& resources : set.named("resourcesPerNode")) found.push_back(resources);
  return found;
}

}  // namespace

void quantity_grammar(const Set& set, Findings& findings) {
  for (const Place& amount : amounts(set))
    if (const auto fault = quantity_fault(amount.scalar()))
      findings.add(amount, fmt::format("{}: {}", amount.shown(), *fault));
}

void canonical_quantities(const Set& set, Findings& findings) {
  for (const Place& amount : amounts(set)) {
    const std::optional<Quantity> value = quantity(amount);
    if (value && value->canonical() != amount.scalar())
      findings.add(
          amount,
          fmt::format("{} is not spelt as the API server gives it back, so that every diff would show "
                      "it; write {}",
                      amount.shown(), value->canonical()));
  }
}

void whole_units(const Set& set, Findings& findings) {
  for (const Place& list : resource_lists(set))
    for (const Place& amount : list.items()) {
      const std::optional<Quantity> value = quantity(amount);
      if (!value || is_extended(amount.last_key())) continue;
      const std::string spelling = value->canonical();
      if (amount.last_key() == "cpu") {
        if (spelling.back() == 'n' || spelling.back() == 'u')
          findings.add(amount, fmt::format("{} is finer than a thousandth of a CPU; write at least 1m",
                                           amount.shown()));
      } else if (!value->is_integer()) {
        const std::string text = amount.scalar();
        findings.add(amount,
                     fmt::format("{} is a fraction of a byte (m is a thousandth); {}", amount.shown(),
                                 text.back() == 'm' ? "write " + text.substr(0, text.size() - 1) + "Mi"
                                                    : "write whole bytes"));
      }
    }
}

void requests_within_limits(const Set& set, Findings& findings) {
  for (const Place& resources : compute_resources(set))
    for (const Place& request : resources.key("requests").items()) {
      const Place limit = resources.key("limits").key(request.last_key());
      const std::optional<Quantity> asked = quantity(request), most = quantity(limit);
      if (is_extended(request.last_key()) || !asked || !most || *asked <= *most) continue;
      findings.add(request, fmt::format("{} is above the limit {}; lower the request or raise the limit",
                                        request.shown(), limit.shown()));
    }
}

void extended_resources(const Set& set, Findings& findings) {
  for (const Place& resources : compute_resources(set)) {
    const Place limits = resources.key("limits"), requests = resources.key("requests");
    for (const Place& list : {limits, requests})
      for (const Place& amount : list.items()) {
        const std::optional<Quantity> value = quantity(amount);
        if (is_extended(amount.last_key()) && value && !value->is_integer())
          findings.add(amount, fmt::format("{}: devices are whole; write an integer", amount.shown()));
      }
    for (const Place& request : requests.items()) {
      if (!is_extended(request.last_key())) continue;
      const Place limit = limits.key(request.last_key());
      const std::optional<Quantity> asked = quantity(request), most = quantity(limit);
      if (!limit.exists())
        findings.add(request,
                     fmt::format("{} without a limit; devices are given by the limit: write it with the same "
                                 "number",
                                 request.shown()));
      else if (asked && most && *asked != *most)
        findings.add(request,
                     fmt::format("{} is not the limit {}; devices are not overcommitted: write the same "
                                 "number twice",
                                 request.shown(), limit.shown()));
    }
  }
}

void memory_volumes(const Set& set, Findings& findings) {
  for (const Pod& pod : set.pods) {
    std::map<std::string, Place> memory;
    for (const Place& volume : pod.spec.key("volumes").items()) {
      if (volume.text("emptyDir.medium") != "Memory") continue;
      const Place limit = volume.at("emptyDir.sizeLimit");
      memory.emplace(volume.text("name"), limit);
      if (!limit.exists())
        findings.add(
            limit, fmt::format("volume {} lies in memory without a sizeLimit, so that it may take all of the "
                               "node's; write one",
                               volume.key("name").shown()));
    }
    for (const Place& container : pod.containers) {
      const std::optional<Quantity> limit = quantity(container.at("resources.limits.memory"));
      if (!limit) continue;
      double total = 0;
      const Place* last = nullptr;
      std::set<std::string> seen;
      for (const Place& mount : container.key("volumeMounts").items()) {
        const auto volume = memory.find(mount.text("name"));
        const std::optional<Quantity> size = volume == memory.end() ? std::nullopt : quantity(volume->second);
        if (!size || !seen.insert(mount.text("name")).second) continue;
        total += static_cast<double>(size->ceil());
        last = &volume->second;
      }
      if (last != nullptr && total >= static_cast<double>(limit->ceil()))
        findings.add(
            *last, fmt::format("{}: volumes in memory count against the memory limit of the containers that "
                               "mount them, and '{}' has only {}; lower the size or raise the limit",
                               last->shown(), container.text("name"),
                               container.at("resources.limits.memory").shown()));
    }
  }
}

void claim_sizes(const Set& set, Findings& findings) {
  const auto check = [&](const Place& size) {
    const std::optional<Quantity> value = quantity(size);
    if (!size.exists())
      findings.add(size, "no size; write how much storage it needs, such as 500Gi");
    else if (value && value->ceil() == 0)
      findings.add(size, fmt::format("{} is no size; write an amount above 0", size.shown()));
  };
  for (const Place& root : set.of("PersistentVolumeClaim")) check(root.at("spec.resources.requests.storage"));
  for (const Place& root : set.of("PersistentVolume")) check(root.at("spec.capacity.storage"));
}

}  // namespace swift::k8sgen::rules
