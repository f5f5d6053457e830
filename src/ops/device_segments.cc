#include "ops/device_segments.h"

#include <algorithm>

#include "ops/upload.h"

namespace swift::ops {
namespace {

template <class T>
at::Tensor queued(const std::vector<T>& values, at::Device device) {
  const at::Tensor host =
      at::empty({static_cast<int64_t>(values.size())}, c10::CppTypeToScalarType<T>::value);
  std::copy(values.begin(), values.end(), host.data_ptr<T>());
  return uploaded(host, device);
}

}  // namespace

DeviceSegments device_segments(const std::vector<int32_t>& cu_seqlens, const std::vector<uint8_t>& continues,
                               at::Device device) {
  // Behind a shared prefix keys are gathered: the prefix's, then the segment's own.
  const bool shared = std::any_of(continues.begin(), continues.end(), [](uint8_t c) { return c != 0; });
  std::vector<int32_t> key_starts = {0};
  std::vector<int64_t> rows;
  DeviceSegments result;
  int32_t prefix = 0, prefix_end = 0;
  for (size_t s = 0; s + 1 < cu_seqlens.size(); ++s) {
    const int32_t first = cu_seqlens[s], end = cu_seqlens[s + 1];
    const bool behind = shared && continues[s] != 0;
    if (!behind) prefix = first, prefix_end = end;
    const int32_t seen = end - first + (behind ? prefix_end - prefix : 0);
    key_starts.push_back(key_starts.back() + seen);
    result.longest_query = std::max<int64_t>(result.longest_query, end - first);
    result.longest_key = std::max<int64_t>(result.longest_key, seen);
    if (!shared) continue;
    for (int32_t t = prefix; behind && t < prefix_end; ++t) rows.push_back(t);
    for (int32_t t = first; t < end; ++t) rows.push_back(t);
  }
  result.query_starts = queued(cu_seqlens, device);
  result.key_starts = queued(key_starts, device);
  if (!rows.empty()) result.key_rows = queued(rows, device);
  return result;
}

}  // namespace swift::ops
