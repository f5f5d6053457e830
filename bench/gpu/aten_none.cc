// A build without LibTorch: nothing to compare with.
#include "aten.h"

namespace swift::gpu_bench::aten {

std::string version() {
  return {};
}
Call add_rms_norm(const Array&, const Array&, const Array&, int, int64_t) {
  return {};
}
Call rms_norm_backward(const Array&, const Array&, const Array&, const Array&, int, int64_t) {
  return {};
}
Call gated(const Array&, const Array&, int, int64_t) {
  return {};
}
Call gated_backward(const Array&, const Array&, const Array&, int, int64_t) {
  return {};
}
Call qk_rope(const Array&, const Array&, const Array&, const Array&, int, const RopeShape&) {
  return {};
}
Call rope_backward(const Array&, const Array&, const Array&, const Array&, const Array&, int,
                   const RopeShape&) {
  return {};
}
Call embedding_backward(const Array&, const Table<int32_t>&, int64_t) {
  return {};
}
Call adamw(const Array&, const Array&, const Array&, const Array&, int) {
  return {};
}
Call grad_norm(const Array&, int) {
  return {};
}
Call attention(const Array&, const Array&, const Array&, const AttentionShape&) {
  return {};
}
Call attention_backward(const Array&, const Array&, const Array&, const Array&, const AttentionShape&) {
  return {};
}
Call decode(const Array&, const Array&, const Array&, int, const AttentionShape&) {
  return {};
}
Call lora_project(const Array&, const Array&, int, int64_t, double, double) {
  return {};
}
Call lora_add(const Array&, const Array&, const Array&, int, int64_t) {
  return {};
}
Call route(const Array&, int, int64_t, int64_t) {
  return {};
}
Call cross_entropy(const Array&, const Table<int32_t>&, int, int64_t) {
  return {};
}
Call linear_cross_entropy(const Array&, const Array&, const Table<int32_t>&, int64_t, bool, double&) {
  return {};
}
Call sample(const Array&, int, int64_t, double, int64_t, bool) {
  return {};
}
Call top_log_probs(const Array&, int, int64_t, int64_t) {
  return {};
}

}  // namespace swift::gpu_bench::aten
