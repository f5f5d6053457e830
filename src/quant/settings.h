// What a quantization run is asked to do, and what that means for each module.
#pragma once
#include <string>
#include <vector>

#include "base/json.h"
#include "model/packed/packed_form.h"
#include "quant/gptq.h"

namespace swift::quant {

enum class Method { rtn, gptq, awq, fp8 };

struct Settings {
  Method method = Method::gptq;
  model::PackedForm form;  // bits, group and form of the file
  bool mse = false;
  ActOrder order = ActOrder::fixed;
  double damp = 0.01;
  bool true_sequential = true;
  bool duo_scaling = true;
  bool clip = true;
  std::vector<std::string> skipped;  // parts of module names that stay as they are
  // GPTQModel's "dynamic": {regex: {bits, group_size, sym, mse}}, matched from the start of a name; the first
  // that matches decides. "-:regex" leaves modules as they are, "+:" before a regex changes nothing.
  base::Json dynamic = base::Json::object();
  int64_t batch = 1;  // sequences in a forward pass

  bool calibrates() const { return method == Method::gptq || method == Method::awq; }
};

// The grid of a module (out, in), or nothing where it stays as it is. Throws base::Error(usage), naming the
// module: a group that does not divide its inputs, sizes that do not fill the file's words, a malformed
// pattern or value in `dynamic`.
std::optional<GridSettings> grid_settings(const Settings& settings, const std::string& module,
                                          at::IntArrayRef sizes);

// quantization_config as AutoAWQ, GPTQModel, compressed-tensors or transformers (fp8) write it.
base::Json quantization_config(const Settings& settings);

}  // namespace swift::quant
