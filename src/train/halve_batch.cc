#include "train/halve_batch.h"

#include <algorithm>
#include <cstdlib>

namespace swift::train {
namespace {

// Samples first .. last - 1 of a pack.
data::Pack part_of(const data::Pack& pack, int64_t first, int64_t last) {
  const int32_t begin = pack.cu_seqlens[static_cast<size_t>(first)];
  const int32_t end = pack.cu_seqlens[static_cast<size_t>(last)];
  const auto slice = [](const auto& values, int64_t from, int64_t to) {
    using Values = std::decay_t<decltype(values)>;
    return values.empty() ? Values() : Values(values.begin() + from, values.begin() + to);
  };
  data::Pack part;
  part.input_ids = slice(pack.input_ids, begin, end);
  part.labels = slice(pack.labels, begin, end);
  part.position_ids = slice(pack.position_ids, begin, end);
  part.weights = slice(pack.weights, begin, end);
  part.channels = slice(pack.channels, first, last);
  for (int64_t s = first; s <= last; ++s)
    part.cu_seqlens.push_back(pack.cu_seqlens[static_cast<size_t>(s)] - begin);
  part.trained_tokens = std::count_if(part.labels.begin(), part.labels.end(),
                                      [](int32_t label) { return label != data::kIgnore; });
  return part;
}

// The samples of the first half, 1 at least and not all.
int64_t middle(const data::Pack& pack) {
  const int32_t half = pack.cu_seqlens.back() / 2;
  int64_t best = 1;
  for (int64_t s = 2; s < pack.samples(); ++s) {
    const auto distance = [&](int64_t at) {
      return std::abs(pack.cu_seqlens[static_cast<size_t>(at)] - half);
    };
    if (distance(s) < distance(best)) best = s;
  }
  return best;
}

bool halve_packs(std::vector<data::Pack>& packs) {
  std::vector<data::Pack> parts;
  for (const data::Pack& pack : packs) {
    if (pack.samples() < 2) {
      parts.push_back(pack);
      continue;
    }
    const int64_t half = middle(pack);
    parts.push_back(part_of(pack, 0, half));
    parts.push_back(part_of(pack, half, pack.samples()));
  }
  const bool any = parts.size() > packs.size();
  packs = std::move(parts);
  return any;
}

bool halve_items(StepBatch& batch) {
  std::vector<std::vector<uint32_t>> parts;
  std::vector<double> shares;
  for (size_t i = 0; i < batch.items.size(); ++i) {
    const auto& items = batch.items[i];
    const double share =
        batch.shares.empty() ? 1.0 / static_cast<double>(batch.items.size()) : batch.shares[i];
    const size_t half = items.size() / 2;
    for (const auto& [from, to] : {std::pair<size_t, size_t>{0, half}, {half, items.size()}}) {
      if (from == to) continue;
      parts.emplace_back(items.begin() + static_cast<std::ptrdiff_t>(from),
                         items.begin() + static_cast<std::ptrdiff_t>(to));
      shares.push_back(share * static_cast<double>(to - from) / static_cast<double>(items.size()));
    }
  }
  const bool any = parts.size() > batch.items.size();
  if (any) batch.items = std::move(parts), batch.shares = std::move(shares);
  return any;
}

}  // namespace

bool halve(StepBatch& batch) {
  return batch.items.empty() ? halve_packs(batch.micro_batches) : halve_items(batch);
}

}  // namespace swift::train
