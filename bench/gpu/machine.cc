#include <algorithm>
#include <fstream>

#include "aten.h"
#include "families.h"
#include "product.h"

namespace swift::gpu_bench {
namespace {

std::string version(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}

// "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  …": the first word that is a version.
std::string driver() {
  std::ifstream file("/proc/driver/nvidia/version");
  std::string word;
  while (file >> word) {
    if (word.find_first_not_of("0123456789.") == std::string::npos && word.find('.') != std::string::npos)
      return word;
  }
  return "of unknown version";
}

void measure_memory(Bench& bench, Limits& limits) {
  constexpr size_t kBytes = size_t{1} << 30;
  const Memory from(kBytes), to(kBytes), sink(sizeof(float));
  fill_bytes(from.data(), kBytes, 1);
  const double by_engine = bench.time(
      [&](int) {
        check(cudaMemcpyAsync(to.data(), from.data(), kBytes, cudaMemcpyDeviceToDevice, nullptr), "copying");
      },
      1);
  const double by_kernel = bench.time([&](int) { copy_all(to.data(), from.data(), kBytes); }, 1);
  const double reading =
      bench.time([&](int) { read_all(from.data(), kBytes, static_cast<float*>(sink.data())); }, 1);
  limits.copy_rate = 2.0 * kBytes / std::min(by_engine, by_kernel);
  limits.read_rate = kBytes / reading;
}

// The best of the algorithms that cuBLASLt offers for two large products.
void measure_products(Bench& bench, Limits& limits) {
  for (const int64_t size : {4096, 8192}) {
    const auto count = static_cast<size_t>(size * size);
    const Array a(Type::bfloat16, 1, count), b(Type::bfloat16, 1, count), c(Type::bfloat16, 1, count);
    const Product product({.m = size, .n = size, .k = size});
    for (int i = 0; i < product.algorithms(); ++i) {
      const double seconds = bench.time([&](int) { product.run(a.at(0), b.at(0), c.at(0), i); }, 1);
      limits.product_rate = std::max(limits.product_rate, product.flops() / seconds);
    }
  }
}

}  // namespace

Machine measure_machine(Bench& bench) {
  cudaDeviceProp properties{};
  check(cudaGetDeviceProperties(&properties, 0), "asking the device");
  int driver_version = 0, runtime_version = 0;
  check(cudaDriverGetVersion(&driver_version), "asking for the driver's version");
  check(cudaRuntimeGetVersion(&runtime_version), "asking for the runtime's version");
  Machine machine;
  machine.device = properties.name;
  machine.facts = {{"driver", driver() + " (CUDA " + version(driver_version) + ")"},
                   {"CUDA runtime", version(runtime_version)},
                   {"cuBLASLt", std::to_string(cublasLtGetVersion())},
                   {"LibTorch", aten::version().empty() ? "not in this build" : aten::version()},
                   {"swift", SWIFT_COMMIT},
                   {"kernels compiled for", SWIFT_CUDA_ARCHITECTURES},
                   {"device", "compute capability " + std::to_string(properties.major) + "." +
                                  std::to_string(properties.minor) + ", " +
                                  std::to_string(properties.multiProcessorCount) + " multiprocessors, " +
                                  bytes_text(static_cast<double>(properties.totalGlobalMem)) + ", L2 cache " +
                                  bytes_text(properties.l2CacheSize)}};
  measure_memory(bench, machine.limits);
  measure_products(bench, machine.limits);
  return machine;
}

}  // namespace swift::gpu_bench
