// Small tokenizers and their expected ids, made by tests/golden/tokenizer.py.
#pragma once
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "text/tokenizer.h"

namespace swift::text::golden {

inline base::Json cases() {
  return base::read_json(std::filesystem::path(SWIFT_SOURCE_DIR) / "tests/golden/tokenizer_cases.json");
}

// A file in the temporary folder, removed at the end.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& bytes) {
    static std::atomic<int> counter{0};
    path_ = std::filesystem::temp_directory_path() /
            ("swift-tokenizer-" + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".json");
    base::write_file_atomic(path_, bytes);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::filesystem::remove(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline Tokenizer load_text(const std::string& json) {
  return Tokenizer::load(TemporaryFile(json).path());
}
inline Tokenizer load_spec(const base::Json& spec) {
  return load_text(spec.dump());
}

}  // namespace swift::text::golden
