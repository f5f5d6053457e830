// The tests of this folder on a GPU: 77 tells ctest that there is none.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <iostream>

#include "cuda/device.h"
#include "device/host_device.h"

namespace swift::tests {

bool on_layer() {
  return false;
}
DeviceTraffic device_traffic() {
  return {};
}
void limit_device(size_t /*bytes*/) {}

}  // namespace swift::tests

int main(int argc, char** argv) {
  std::string reason;
  if (swift::cuda::devices(reason).empty()) {
    std::cout << "skipped: " << reason << "\n";
    return 77;
  }
  return Catch::Session().run(argc, argv);
}
