// The Kubernetes version that manifests are made for. Fields newer than it are not used.
#pragma once
#include <string>
#include <string_view>

namespace swift::k8sgen {

struct Version {
  static constexpr int kLowest = 29, kHighest = 37;
  int minor = 33;  // of 1.x

  bool at_least(int wanted) const { return minor >= wanted; }
  std::string str() const { return "1." + std::to_string(minor); }
  // "1.29" to "1.37". Throws Error(usage) otherwise.
  static Version parse(std::string_view text);
};

// Container lifecycle hook `preStop.sleep`: on by default from 1.30.
constexpr int kPreStopSleep = 30;
// PodDisruptionBudget `unhealthyPodEvictionPolicy`: on by default from 1.27, general from 1.31.
constexpr int kUnhealthyPodEviction = 31;

}  // namespace swift::k8sgen
