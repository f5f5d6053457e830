#include "ops/cpu_level.h"

#include <cstdlib>
#include <string_view>

#include "base/error.h"

namespace swift::ops {
namespace {

bool read_level() {
  const char* variable = std::getenv("SWIFT_CPU_LEVEL");
  const std::string_view level = variable != nullptr ? variable : "best";
  if (level != "best" && level != "avx2") {
    throw base::Error(base::ExitCode::usage,
                      "SWIFT_CPU_LEVEL: '" + std::string(level) + "' is neither best nor avx2");
  }
  return level == "best";
}

}  // namespace

bool beyond_avx2() {
  static const bool beyond = read_level();
  return beyond;
}

}  // namespace swift::ops
