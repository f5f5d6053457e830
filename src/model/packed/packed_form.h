// How the linears of a checkpoint are packed: `quantization_config` of config.json.
#pragma once
#include <optional>

#include "model/hf_config.h"

namespace swift::model {

struct PackedForm {
  enum class Kind { awq, gptq, compressed, fp8 };
  Kind kind = Kind::gptq;
  int64_t bits = 4;
  int64_t group = 128;     // inputs of a scale; -1: a row. fp8: rows and columns of a block
  bool sym = true;         // no zero points are stored (compressed) or all are 2^(bits - 1)
  bool act_order = false;  // gptq: groups as g_idx says (desc_act)
  bool v2 = false;         // gptq: zero points as they are
  bool varies = false;     // gptq: "dynamic" gives modules other bits and groups
};

std::string kind_name(PackedForm::Kind kind);

// Nothing when the checkpoint is whole. Throws base::Error(model), naming the setting, for a method, a
// version, bits or a group that is not read here.
std::optional<PackedForm> read_packed_form(const HfConfig& config);

}  // namespace swift::model
