"""Names of the IANA time zone database, for src/k8sgen/time_zones.cc.

    python tests/golden/time_zones.py > src/k8sgen/time_zones.cc    (needs the tzdata package of PyPI)
"""
import importlib.resources

import tzdata

HEAD = """// Names of the IANA time zone database, release {release}.
// Made by tests/golden/time_zones.py from PyPI's tzdata {version}.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/suggest.h"
#include "k8sgen/names.h"

namespace swift::k8sgen {{
namespace {{

// Sorted by bytes.
// clang-format off
constexpr std::string_view kZones[] = {{"""

TAIL = """};
// clang-format on

}  // namespace

bool is_time_zone(std::string_view name) {
  return std::binary_search(std::begin(kZones), std::end(kZones), name);
}

std::optional<std::string> nearest_time_zone(std::string_view name) {
  const std::vector<std::string> candidates(std::begin(kZones), std::end(kZones));
  return base::nearest(name, candidates);
}

}  // namespace swift::k8sgen"""


def packed(names: list[str], width: int = 110) -> list[str]:
    lines, line = [], "   "
    for name in names:
        item = f' "{name}",'
        if len(line) + len(item) > width:
            lines.append(line)
            line = "   "
        line += item
    return lines + [line]


# "Factory" is the placeholder of a machine that was not set up.
names = importlib.resources.files("tzdata").joinpath("zones").read_text().split()
zones = sorted(name for name in names if name != "Factory")
print(HEAD.format(release=tzdata.IANA_VERSION, version=tzdata.__version__))
print("\n".join(packed(zones)))
print(TAIL)
