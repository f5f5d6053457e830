// Catch2's runner for a machine with a device; 77 tells ctest that there is none.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <iostream>

#include "cuda/device_memory.h"

int main(int argc, char** argv) {
  std::string reason;
  if (!swift::cuda_test::present(reason)) {
    std::cout << "skipped: " << reason << "\n";
    return 77;
  }
  return Catch::Session().run(argc, argv);
}
