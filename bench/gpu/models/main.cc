// gpu_models: a row of the page for each model, as JSON lines; gpu_bench runs it.
#include <functional>
#include <iostream>

#include "models.h"

namespace swift::gpu_bench {
namespace {

// In the order in which they are worth the time.
std::vector<std::function<Row(at::Device)>> all() {
  const auto decode = [](const DecodeCase& c) {
    return [c](at::Device device) { return measure_decode(c, device); };
  };
  const auto training = [](const TrainingCase& c) {
    return [c](at::Device device) { return measure_training(c, device); };
  };
  return {decode({kQwen3_06, false, 1, 128, 256, 1250}), training({kQwen3_06, 2048, 2, 4, 6, 53900}),
          decode({kQwen3_8, false, 1, 128, 128, 256}),   decode({kQwen3_8, true, 1, 128, 256, 590}),
          decode({kQwen3_8, false, 64, 128, 128, 8000}), decode({kQwen3_8, false, 256, 128, 128, 15000}),
          training({kQwen3_17, 2048, 2, 4, 6, 32800}),   training({kQwen3_4, 2048, 2, 4, 6, 15900}),
          training({kQwen3_8, 2048, 2, 4, 4, 10200})};
}

}  // namespace
}  // namespace swift::gpu_bench

int main() {
  for (const auto& measure : swift::gpu_bench::all()) {
    try {
      std::cout << swift::gpu_bench::to_json(measure(at::Device(at::kCUDA, 0))).dump() << std::endl;
    } catch (const std::exception& error) {
      std::cerr << "gpu_models: " << error.what() << "\n";
    }
  }
  return 0;
}
