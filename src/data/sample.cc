#include "data/sample.h"

namespace swift::data {

int64_t Sample::trained_tokens() const {
  int64_t count = 0;
  for (size_t i = 1; i < labels.size(); ++i) count += labels[i] != kIgnore ? 1 : 0;
  return count;
}

void append(Pack& pack, const Sample& sample) {
  if (pack.cu_seqlens.empty()) pack.cu_seqlens.push_back(0);
  const size_t length = sample.input_ids.size();
  if (!sample.weights.empty() || !pack.weights.empty()) {
    pack.weights.resize(pack.input_ids.size(), 1.0F);
    for (size_t i = 0; i < length; ++i)
      pack.weights.push_back(sample.weights.empty() || i + 1 == length ? 1.0F : sample.weights[i + 1]);
  }
  for (size_t i = 0; i < length; ++i) {
    pack.input_ids.push_back(sample.input_ids[i]);
    pack.labels.push_back(i + 1 < length ? sample.labels[i + 1] : kIgnore);
    pack.position_ids.push_back(static_cast<int32_t>(i));
  }
  pack.cu_seqlens.push_back(static_cast<int32_t>(pack.input_ids.size()));
  pack.channels.push_back(sample.channel);
  pack.trained_tokens += sample.trained_tokens();
}

}  // namespace swift::data
