// config.json of a Hugging Face model directory, in both spellings: v4 (rope_theta, rope_scaling,
// torch_dtype) and v5 (rope_parameters, dtype).
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "base/json.h"

namespace swift::model {

class HfConfig {
 public:
  // Throws base::Error(model) when the directory or the file is missing or malformed.
  static HfConfig read(const std::filesystem::path& directory);
  HfConfig(base::Json json, std::string file) : json_(std::move(json)), file_(std::move(file)) {}

  const base::Json& json() const { return json_; }
  const std::string& file() const { return file_; }
  bool has(const std::string& key) const { return json_.contains(key) && !json_.at(key).is_null(); }

  // Typed values; the first form throws base::Error(model) naming the key when it is absent or ill-typed.
  int64_t integer(const std::string& key) const;
  int64_t integer(const std::string& key, int64_t fallback) const;
  double number(const std::string& key, double fallback) const;
  bool boolean(const std::string& key, bool fallback) const;
  std::string text(const std::string& key, const std::string& fallback) const;

  std::string architecture() const;  // architectures[0]
  std::string dtype() const;         // "float32", "bfloat16", "float16"; float32 when unstated
  base::Json rope() const;           // {"rope_type", "rope_theta", …} whichever spelling the file uses

  [[noreturn]] void fail(const std::string& message, const std::string& hint = {}) const;

 private:
  base::Json json_;
  std::string file_;
};

}  // namespace swift::model
