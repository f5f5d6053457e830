#include "data/packing.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "base/error.h"

namespace swift::data {

std::vector<std::vector<uint32_t>> pack_best_fit(std::span<const int64_t> lengths, int64_t capacity) {
  std::vector<uint32_t> order(lengths.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return lengths[a] > lengths[b]; });
  std::vector<std::vector<uint32_t>> bins;
  std::set<std::pair<int64_t, size_t>> open;  // (room left, bin)
  for (const uint32_t index : order) {
    const int64_t length = lengths[index];
    if (length > capacity) {
      throw base::Error(base::ExitCode::data, "a sample of " + std::to_string(length) +
                                                  " tokens does not fit into packing_length " +
                                                  std::to_string(capacity));
    }
    int64_t room = capacity;
    size_t bin = bins.size();
    if (const auto fit = open.lower_bound({length, 0}); fit != open.end()) {
      std::tie(room, bin) = *fit;
      open.erase(fit);
    } else {
      bins.emplace_back();
    }
    bins[bin].push_back(index);
    if (room > length) open.emplace(room - length, bin);
  }
  return bins;
}

Pack make_pack(std::span<const Sample> samples, std::span<const uint32_t> indices) {
  Pack pack;
  for (const uint32_t index : indices) append(pack, samples[index]);
  return pack;
}

std::vector<int64_t> lengths_of(std::span<const Sample> samples) {
  std::vector<int64_t> lengths;
  lengths.reserve(samples.size());
  for (const Sample& sample : samples) lengths.push_back(static_cast<int64_t>(sample.input_ids.size()));
  return lengths;
}

}  // namespace swift::data
