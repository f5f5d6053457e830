#define CATCH_CONFIG_RUNNER
#include <ATen/Parallel.h>

#include <catch2/catch.hpp>

namespace swift::tests {
void use_host_device();
}

int main(int argc, char** argv) {
  // The layer runs one thread, and the map of its memory is not locked.
  at::set_num_threads(1);
  swift::tests::use_host_device();
  return Catch::Session().run(argc, argv);
}
