// The GGUF format, version 3 (ggml/docs/gguf.md): a header of typed keys and of tensor names, shapes and
// places, then the tensors' blocks. All numbers are little-endian.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "ops/torch.h"
#include "quant/gguf/blocks/blocks.h"

namespace swift::quant::gguf {

// Keys and values in the order they are added; each key once.
class Metadata {
 public:
  void add(const std::string& key, uint32_t value);
  void add(const std::string& key, float value);
  void add(const std::string& key, bool value);
  void add(const std::string& key, const std::string& value);
  void add(const std::string& key, const char* value) { add(key, std::string(value)); }
  void add(const std::string& key, const std::vector<std::string>& values);
  void add(const std::string& key, const std::vector<float>& values);
  void add(const std::string& key, const std::vector<int32_t>& values);

  uint64_t count() const { return count_; }
  const std::string& bytes() const { return bytes_; }

 private:
  void begin(const std::string& key, uint32_t type);
  void begin_array(const std::string& key, uint32_t type, size_t size);
  std::string bytes_;
  uint64_t count_ = 0;
};

struct TensorEntry {
  std::string name;
  std::vector<int64_t> sizes;  // the last is contiguous, as in torch
  TensorType type;
  // One after another along the first dimension; each is made when its turn comes and dropped again.
  std::vector<std::function<at::Tensor()>> parts;
};

// Tensors are encoded and written some rows at a time. Throws base::Error(failure) on a full disk, and
// base::Error(model), naming the tensor, for values that are not finite or too large for fp16.
void write_gguf(const std::filesystem::path& file, const Metadata& metadata,
                const std::vector<TensorEntry>& tensors);

}  // namespace swift::quant::gguf
