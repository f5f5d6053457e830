// Where the segments of packed tokens lie, as the attention of a device reads it: made once for all layers of
// a pass.
#pragma once
#include <cstdint>
#include <vector>

#include "ops/torch.h"

namespace swift::ops {

struct DeviceSegments {
  at::Tensor query_starts;  // (segments + 1) int32, the first token of each and the end of the last
  at::Tensor key_starts;    // (segments + 1) int32 the same of the keys that each sees
  at::Tensor key_rows;      // the token of each key, int64; undefined: keys are where the tokens are
  int64_t longest_query = 0, longest_key = 0;  // of a segment, at most
};

// cu_seqlens (segments + 1) and continues (segments, or empty) of attention.h, queued for `device` without
// waiting.
DeviceSegments device_segments(const std::vector<int32_t>& cu_seqlens, const std::vector<uint8_t>& continues,
                               at::Device device);

}  // namespace swift::ops
