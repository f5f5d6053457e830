// One linear of a packed checkpoint: its tensors in and out.
#pragma once
#include <string>

#include "model/packed/packed_form.h"
#include "model/safetensors.h"
#include "ops/grouped_codes.h"
#include "ops/quantized_weight.h"

namespace swift::model {

// Whether `name` (a module path) is packed in these files; it may have been left whole.
bool is_packed(const TensorFiles& files, const std::string& name, const PackedForm& form);

// The weight (out, in) of a packed module, for products in `compute`. Throws base::Error(model), naming the
// tensor: one that is absent, shapes that disagree with each other, with config.json or with (out, in),
// scales that are not finite, fp8 codes that are NaN, groups out of range, act order without g_idx.
ops::QuantizedPtr read_packed(const TensorFiles& files, const std::string& name, at::IntArrayRef sizes,
                              const PackedForm& form, at::ScalarType compute);
// The names of its tensors in the files.
std::vector<std::string> packed_names(const TensorFiles& files, const std::string& name);

// The tensors of a module as the form writes them. For a kind other than fp8.
NamedTensors packed_tensors(const std::string& name, const ops::GroupedCodes& weight, const PackedForm& form);

}  // namespace swift::model
