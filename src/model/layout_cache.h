// Quantized weights in the order in which the CPU's kernels read them (ops/code_layout.h), kept in a file
// beside the model, so that it loads without putting them in order again.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "model/safetensors.h"
#include "ops/line_memory.h"
#include "ops/quantized_weight.h"

namespace swift::model {

class LayoutCache {
 public:
  // Of the model in `directory`, for this purpose (what else the order depends on: types, 8-bit activations).
  // A file that is damaged, of another version, or of weights that have changed since is not used; that is
  // said in the log.
  LayoutCache(std::filesystem::path directory, std::string purpose);

  // The weight (out, in) of a module for products in `compute`; null: it is not there or damaged.
  ops::QuantizedPtr find(const std::string& module, at::IntArrayRef sizes, at::ScalarType compute);

  // Whether the file must be written: there was none that could be used.
  bool missing() const { return !files_; }
  // Writes the file, complete or not at all. Where that fails, as in a directory that is read-only, the log
  // says so and nothing else happens.
  void write(const std::vector<std::pair<std::string, ops::QuantizedPtr>>& weights) const;

 private:
  std::filesystem::path directory_;
  std::string purpose_;
  std::optional<TensorFiles> files_;
  ops::LineMemory memory_;
};

}  // namespace swift::model
