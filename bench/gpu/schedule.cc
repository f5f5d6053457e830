#include "schedule.h"

#include <algorithm>
#include <cmath>

namespace swift::gpu_bench {
namespace {

int whole(double value, int least, int most) {
  if (!(value > least)) return least;
  return value >= most ? most : static_cast<int>(std::ceil(value));
}

}  // namespace

int sets_for(double bytes, double cache) {
  if (!(bytes > 0)) return 1;
  if (bytes >= 4 * cache) return 1;
  return whole(4 * cache / bytes + 1, 2, kMostSets);
}

int calls_for(double seconds) {
  return seconds > 0 ? whole(200e-6 / seconds, 1, 100) : 100;
}

int samples_for(double seconds, double budget) {
  return seconds > 0 ? whole(budget / seconds, 5, 30) : 30;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace swift::gpu_bench
