// Every example of configs/kube, byte for byte. SWIFT_REFRESH_GOLDEN=1 writes the files anew
// (docs/testing.md).
#include <cstdlib>

#include "base/file.h"
#include "given.h"

using namespace swift::k8sgen;

TEST_CASE("the manifests of every example are those of tests/golden/kube, byte for byte") {
  const fs::path source = SWIFT_SOURCE_DIR;
  const bool refresh = std::getenv("SWIFT_REFRESH_GOLDEN") != nullptr;
  size_t count = 0;
  for (const auto& entry : fs::directory_iterator(source / "configs/kube")) {
    CAPTURE(entry.path().filename().string());
    const std::string made = to_yaml(of_file(entry.path()));
    const fs::path golden = source / "tests/golden/kube" / entry.path().filename();
    if (refresh) swift::base::write_file_atomic(golden, made);
    CHECK(swift::base::read_file(golden) == made);
    CHECK(to_yaml(of_file(entry.path())) == made);
    ++count;
  }
  CHECK(count >= 14);
}

TEST_CASE("every example renders for every supported version") {
  for (const auto& entry : fs::directory_iterator(fs::path(SWIFT_SOURCE_DIR) / "configs/kube")) {
    for (int minor = Version::kLowest; minor <= Version::kHighest; ++minor) {
      Options options;
      options.version.minor = minor;
      CHECK_NOTHROW(of_file(entry.path(), options));
    }
  }
}
