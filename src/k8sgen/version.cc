#include "k8sgen/version.h"

#include <fmt/format.h>

#include "base/error.h"

namespace swift::k8sgen {

Version Version::parse(std::string_view text) {
  for (int minor = kLowest; minor <= kHighest; ++minor) {
    const Version version{minor};
    if (version.str() == text) return version;
  }
  throw base::Error(base::ExitCode::usage, fmt::format("Kubernetes version '{}' is not supported", text), {},
                    fmt::format("write one of 1.{} to 1.{}, without a patch number", kLowest, kHighest));
}

}  // namespace swift::k8sgen
