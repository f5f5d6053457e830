// A GGUF file read back, for the tests: keys as JSON, tensors as bytes.
#pragma once
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "quant/gguf/blocks/blocks.h"

namespace swift::tests {

struct GgufTensor {
  std::vector<int64_t> shape;  // as in torch
  std::string type, bytes;
};

class GgufFile {
 public:
  explicit GgufFile(const std::filesystem::path& file) : bytes_(base::read_file(file)) {
    magic = bytes_.substr(0, 4);
    at_ = 4;
    version = take<uint32_t>();
    const auto count = take<uint64_t>(), keys = take<uint64_t>();
    for (uint64_t i = 0; i < keys; ++i) {
      const std::string key = text();
      metadata[key] = value(take<uint32_t>());
    }
    std::vector<std::pair<std::string, uint64_t>> places;
    for (uint64_t i = 0; i < count; ++i) {
      const std::string name = text();
      GgufTensor& tensor = tensors[name];
      tensor.shape.resize(take<uint32_t>());
      for (auto size = tensor.shape.rbegin(); size != tensor.shape.rend(); ++size)
        *size = static_cast<int64_t>(take<uint64_t>());
      const auto& form = quant::gguf::info(static_cast<quant::gguf::TensorType>(take<uint32_t>()));
      tensor.type = form.name;
      size_t size = static_cast<size_t>(form.bytes);
      for (const int64_t n : tensor.shape) size *= static_cast<size_t>(n);
      tensor.bytes.resize(size / static_cast<size_t>(form.block));
      places.emplace_back(name, take<uint64_t>());
    }
    const size_t data = (at_ + 31) / 32 * 32;
    for (const auto& [name, offset] : places) {
      aligned = aligned && offset % 32 == 0;
      std::string& target = tensors[name].bytes;
      target = bytes_.substr(data + offset, target.size());
      end = std::max(end, data + offset + (target.size() + 31) / 32 * 32);
    }
    complete = end == bytes_.size();
  }

  std::string magic;
  uint32_t version = 0;
  bool aligned = true, complete = false;
  base::Json metadata = base::Json::object();
  std::map<std::string, GgufTensor> tensors;

 private:
  template <class T>
  T take() {
    T found;
    std::memcpy(&found, bytes_.data() + at_, sizeof found);
    at_ += sizeof found;
    return found;
  }
  std::string text() {
    const auto length = take<uint64_t>();
    at_ += length;
    return bytes_.substr(at_ - length, length);
  }
  base::Json value(uint32_t type) {
    switch (type) {
      case 4:
        return take<uint32_t>();
      case 5:
        return take<int32_t>();
      case 6:
        return static_cast<double>(take<float>());
      case 7:
        return take<uint8_t>() != 0;
      case 8:
        return text();
      default: {
        const auto inner = take<uint32_t>();
        const auto count = take<uint64_t>();
        base::Json list = base::Json::array();
        for (uint64_t i = 0; i < count; ++i) list.push_back(value(inner));
        return list;
      }
    }
  }

  std::string bytes_;
  size_t at_ = 0, end = 0;
};

// As tests/golden/gguf_models.py writes long lists.
inline base::Json shortened(const base::Json& value) {
  if (!value.is_array() || value.size() <= 8) return value;
  std::string lines;
  for (const base::Json& item : value)
    lines += (lines.empty() ? "" : "\n") + (item.is_string() ? item.get<std::string>() : item.dump());
  return {{"count", value.size()}, {"fnv1a", base::fnv1a_hex(lines)}};
}

}  // namespace swift::tests
