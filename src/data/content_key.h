// Names for contents: two files, or settings, with one key are the same for all that matters here. Not for
// secrets: whoever can choose the contents can make two of one key.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "data/encode.h"

namespace swift::data {

// 128 bits over bytes, in any number of calls; the cuts between them count. Folded 64x64-bit products in two
// lanes.
class ContentHash {
 public:
  void update(std::string_view bytes);
  std::string hex() const;  // 32 digits

 private:
  uint64_t a_ = 0x9e3779b97f4a7c15U, b_ = 0xc2b2ae3d27d4eb4fU;
};

// Of the bytes of all dataset files of a path (dataset_files), with their names. Throws base::Error(data).
std::string dataset_key(const std::filesystem::path& path);

// The same from sizes, the first and the last MiB only, for files too large to be read for it.
std::string dataset_outline_key(const std::filesystem::path& path);

// Of what decides how text becomes tokens and labels: the tokenizer, template and configuration files of a
// model's directory, a template file of the user's, and the encoder's options. A template that asks for the
// date makes the day a part of the key.
std::string encoding_key(const std::filesystem::path& model, const std::optional<std::string>& template_file,
                         const EncodeOptions& options);

}  // namespace swift::data
