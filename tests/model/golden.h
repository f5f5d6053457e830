// Where the golden files of tests/golden/ lie, and how logits are computed for comparison.
#pragma once
#include <filesystem>
#include <numeric>
#include <string>

#include "model/decoder.h"

namespace swift::tests {

inline std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(SWIFT_SOURCE_DIR) / "tests" / "golden" / name;
}

inline std::vector<int32_t> to_ids(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.flatten().to(at::kInt).contiguous();
  return {flat.const_data_ptr<int32_t>(), flat.const_data_ptr<int32_t>() + flat.numel()};
}

// Hidden states (tokens, hidden) after the final norm, and logits (tokens, vocab), of one sequence without a
// cache.
inline at::Tensor hidden_of(const model::Decoder& decoder, const std::vector<int32_t>& ids) {
  at::NoGradGuard no_grad;
  std::vector<int32_t> positions(ids.size());
  std::iota(positions.begin(), positions.end(), 0);
  model::PackedContext attention({0, static_cast<int32_t>(ids.size())});
  return decoder.hidden_states(ids, positions, attention);
}
inline at::Tensor logits_of(const model::Decoder& decoder, const std::vector<int32_t>& ids) {
  at::NoGradGuard no_grad;
  return decoder.logits(hidden_of(decoder, ids));
}

}  // namespace swift::tests
