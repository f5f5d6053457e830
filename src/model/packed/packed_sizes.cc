#include "model/packed/packed_sizes.h"

#include "ops/quantized_weight.h"

namespace swift::model {
namespace {

constexpr int64_t kFloat = 4;

struct Parts {
  const char *codes, *scales, *zeros, *g_idx;
};

Parts parts_of(PackedForm::Kind kind) {
  using Kind = PackedForm::Kind;
  if (kind == Kind::fp8) return {"weight", "weight_scale_inv", "", ""};
  if (kind == Kind::compressed) return {"weight_packed", "weight_scale", "weight_zero_point", "weight_g_idx"};
  return {"qweight", "scales", "qzeros", "g_idx"};
}

}  // namespace

std::map<std::string, int64_t> packed_sizes(const TensorFiles& files, const PackedForm& form) {
  using Kind = PackedForm::Kind;
  const Parts parts = parts_of(form.kind);
  const std::string ending = std::string(".") + parts.scales;
  std::map<std::string, int64_t> sizes;
  for (const std::string& name : files.names()) {
    if (!name.ends_with(ending)) continue;
    const std::string module = name.substr(0, name.size() - ending.size());
    const std::string codes = module + "." + parts.codes, index = module + "." + parts.g_idx;
    if (!files.has(codes)) continue;
    const at::Tensor scales = files.get(name);
    int64_t bytes = ops::bytes_of(files.get(codes));
    bytes += form.kind == Kind::fp8 ? scales.numel() * kFloat : ops::bytes_of(scales);
    // Symmetric ones have no zero points in memory, whatever the file holds.
    const bool zeros = form.kind == Kind::awq || (!form.sym && files.has(module + "." + parts.zeros));
    if (zeros) bytes += scales.numel();
    if (form.act_order && files.has(index)) bytes += ops::bytes_of(files.get(index));
    sizes.emplace(module, bytes);
  }
  return sizes;
}

}  // namespace swift::model
