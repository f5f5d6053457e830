#include "train/base_fingerprint.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"

namespace swift::train {
namespace fs = std::filesystem;
namespace {

constexpr size_t kPieces = 32;
constexpr size_t kPieceBytes = 4096;
constexpr size_t kMostHeader = size_t{1} << 20;

std::string pieces_of(const fs::path& file) {
  const base::MappedFile mapped = base::MappedFile::open(file);
  const auto bytes = mapped.bytes();
  const auto* data = reinterpret_cast<const char*>(bytes.data());
  uint64_t header = 0;
  if (bytes.size() >= sizeof header) std::memcpy(&header, data, sizeof header);
  std::string text = file.filename().string() + " " + std::to_string(bytes.size()) + " ";
  text.append(data, std::min<size_t>({bytes.size(), static_cast<size_t>(header), kMostHeader}));
  for (size_t i = 0; i < kPieces; ++i) {
    const size_t at = bytes.size() / kPieces * i;
    text.append(data + at, std::min(kPieceBytes, bytes.size() - at));
  }
  return text;
}

// What decides the shapes of random weights.
std::string sizes_of(const fs::path& model) {
  const base::Json config = base::read_json(model / "config.json", base::ExitCode::model);
  base::Json sizes = base::Json::object();
  for (const auto& [key, value] : config.items()) {
    if (value.is_number() || value.is_boolean() || key == "architectures") sizes[key] = value;
  }
  return sizes.dump();
}

}  // namespace

std::string base_fingerprint(const fs::path& model) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(model, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("model") && name.ends_with(".safetensors")) files.push_back(entry.path());
  }
  if (files.empty()) return fs::exists(model / "config.json") ? base::fnv1a_hex(sizes_of(model)) : "";
  std::sort(files.begin(), files.end());
  std::string text;
  for (const fs::path& file : files) text += base::fnv1a_hex(pieces_of(file)) + " ";
  return base::fnv1a_hex(text);
}

}  // namespace swift::train
