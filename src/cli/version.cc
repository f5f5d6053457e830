// swift version.
#include <iostream>

#include "base/error.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/options.h"

#ifndef SWIFT_VERSION
#define SWIFT_VERSION "unknown"
#endif
#ifndef SWIFT_COMMIT
#define SWIFT_COMMIT "unknown"
#endif
#ifndef SWIFT_BUILD
#define SWIFT_BUILD "unknown"
#endif

namespace swift::cli {

int run_version(std::string_view /*verb*/, const std::vector<std::string>& words) {
  const Options options = parse_options(words, {}, {"json"});
  if (options.on("json")) {
    const base::Json version = {{"version", SWIFT_VERSION},
                                {"commit", SWIFT_COMMIT},
                                {"build", SWIFT_BUILD},
                                {"compiler", __VERSION__},
                                {"libtorch", "2.11.0"}};
    std::cout << version.dump(2) << "\n";
  } else {
    std::cout << "swift " SWIFT_VERSION " (" SWIFT_COMMIT ", " SWIFT_BUILD ")\n";
  }
  return 0;
}

}  // namespace swift::cli
