// The safetensors format: 8 bytes of little-endian header length, a JSON header of {name: {dtype, shape,
// data_offsets}}, then the data (huggingface/safetensors, format v0.4). Reading maps the file.
#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "ops/torch.h"

namespace swift::model {

// All tensors of one file or of a directory with an index; views into the mapping, never copied here.
class TensorFiles {
 public:
  // model.safetensors, or model.safetensors.index.json with its shards. Throws base::Error(model) naming the
  // file and what is wrong: missing, truncated, malformed header, overlapping or out-of-range offsets, absent
  // shard.
  static TensorFiles from_directory(const std::filesystem::path& directory);
  static TensorFiles from_file(const std::filesystem::path& file);

  bool has(const std::string& name) const { return tensors_.contains(name); }
  // Throws base::Error(model) naming the tensor and its file when it is absent.
  at::Tensor get(const std::string& name) const;
  std::vector<std::string> names() const;
  // Gives the memory of a tensor's pages back; reading it again maps them again.
  void release(const std::string& name) const;
  // The file's "__metadata__" (of the last file read), an object of strings.
  const base::Json& metadata() const { return metadata_; }
  const std::string& origin() const { return origin_; }

 private:
  void read(const std::filesystem::path& file);
  std::map<std::string, at::Tensor> tensors_;
  base::Json metadata_ = base::Json::object();
  std::string origin_;
};

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

// A tensor that is made when it is written, so that not all of them need memory at once.
struct LazyTensor {
  std::string name;
  at::ScalarType type;
  std::vector<int64_t> sizes;
  std::function<at::Tensor()> value;

  int64_t bytes() const;
};

// Writes the tensors in the order given, metadata {"format": "pt"}. Throws base::Error(failure) on a full
// disk.
void save_safetensors(const std::filesystem::path& file, const NamedTensors& tensors);
void save_safetensors(const std::filesystem::path& file, const std::vector<LazyTensor>& tensors);

}  // namespace swift::model
