#include "k8sgen/model_size.h"

#include <cctype>
#include <charconv>
#include <filesystem>
#include <optional>

namespace swift::k8sgen {
namespace {

namespace fs = std::filesystem;
constexpr int64_t kUnknown = int64_t{16} << 30;

std::optional<int64_t> measured(const std::string& directory) {
  std::error_code failed;
  int64_t bytes = 0;
  if (directory.empty()) return std::nullopt;
  for (fs::directory_iterator file(directory, failed), end; !failed && file != end; file.increment(failed)) {
    if (file->path().extension() != ".safetensors") continue;
    std::error_code unreadable;
    const uintmax_t size = file->file_size(unreadable);
    if (!unreadable) bytes += static_cast<int64_t>(size);
  }
  return bytes > 0 ? std::optional(bytes) : std::nullopt;
}

// Billions of parameters: the first number that is followed by b or B and no further letter.
std::optional<double> billions(const std::string& name) {
  for (size_t i = 0; i < name.size(); ++i) {
    if (std::isdigit(static_cast<unsigned char>(name[i])) == 0) continue;
    double value = 0;
    const auto read = std::from_chars(name.data() + i, name.data() + name.size(), value);
    const size_t after = static_cast<size_t>(read.ptr - name.data());
    if (read.ec != std::errc()) return std::nullopt;
    const bool letter = after < name.size() && (name[after] == 'b' || name[after] == 'B');
    const bool ends =
        after + 1 >= name.size() || std::isalnum(static_cast<unsigned char>(name[after + 1])) == 0;
    if (letter && ends && value > 0 && value < 10000) return value;
    i = after - 1;
  }
  return std::nullopt;
}

}  // namespace

int64_t model_bytes(const std::string& directory, const std::string& names, const std::string& quantization) {
  if (const auto bytes = measured(directory)) return *bytes;
  const auto count = billions(names);
  if (!count) return kUnknown;
  const double each = quantization.empty() ? 2.0 : quantization == "fp8" ? 1.1 : 0.6;
  return static_cast<int64_t>(*count * 1e9 * each);
}

}  // namespace swift::k8sgen
