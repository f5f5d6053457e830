#include "quant/gguf/file.h"

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "base/format.h"

namespace swift::quant::gguf {
namespace {

using base::cat;

constexpr uint32_t kVersion = 3;
constexpr int64_t kAlignment = 32;         // of every tensor's first byte
constexpr int64_t kRowsAtATime = 4 << 20;  // values, about
constexpr float kLargestHalf = 65504;

// Numbers of the format's value types.
enum ValueType : uint32_t { kUint32 = 4, kInt32 = 5, kFloat32 = 6, kBool = 7, kString = 8, kArray = 9 };

template <class T>
void append(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_text(std::string& to, const std::string& text) {
  append<uint64_t>(to, text.size());
  to += text;
}

int64_t padded(int64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

int64_t bytes_of(const TensorEntry& tensor) {
  const TypeInfo& form = info(tensor.type);
  return c10::multiply_integers(tensor.sizes) / form.block * form.bytes;
}

std::string header(const Metadata& metadata, const std::vector<TensorEntry>& tensors) {
  std::string bytes = "GGUF";
  append(bytes, kVersion);
  append<uint64_t>(bytes, tensors.size());
  append(bytes, metadata.count());
  bytes += metadata.bytes();
  int64_t offset = 0;
  for (const TensorEntry& tensor : tensors) {
    append_text(bytes, tensor.name);
    append(bytes, static_cast<uint32_t>(tensor.sizes.size()));
    // The contiguous dimension comes first.
    for (auto size = tensor.sizes.rbegin(); size != tensor.sizes.rend(); ++size)
      append(bytes, static_cast<uint64_t>(*size));
    append(bytes, static_cast<uint32_t>(tensor.type));
    append(bytes, static_cast<uint64_t>(offset));
    offset += padded(bytes_of(tensor));
  }
  bytes.resize(static_cast<size_t>(padded(static_cast<int64_t>(bytes.size()))), '\0');
  return bytes;
}

void check_values(const TensorEntry& tensor, const at::Tensor& values) {
  const float largest = values.abs().max().item<float>();  // NaN when there is one
  if (!std::isfinite(largest))
    throw base::Error(base::ExitCode::model,
                      cat("tensor '", tensor.name, "' has a value that is not finite"));
  if (tensor.type == TensorType::f16 && largest > kLargestHalf) {
    throw base::Error(base::ExitCode::model,
                      cat("tensor '", tensor.name, "' has the value ", largest, ", too large for fp16"), {},
                      "use gguf_type: bf16 or f32");
  }
}

// values fp32 (rows, columns).
void encode_rows(const TensorEntry& tensor, const at::Tensor& values, std::string& out) {
  const TypeInfo& form = info(tensor.type);
  const int64_t rows = values.size(0), columns = values.size(1);
  const int64_t row_bytes = columns / form.block * form.bytes;
  out.resize(static_cast<size_t>(rows * row_bytes));
  const float* from = values.const_data_ptr<float>();
  auto* to = reinterpret_cast<uint8_t*>(out.data());
  at::parallel_for(0, rows, 1, [&](int64_t first, int64_t last) {
    encode(tensor.type, from + first * columns, (last - first) * columns, to + first * row_bytes);
  });
}

void write_tensor(std::ofstream& out, const TensorEntry& tensor) {
  const int64_t columns = tensor.sizes.back();
  const int64_t rows_at_a_time = std::max<int64_t>(1, kRowsAtATime / columns);
  std::string bytes;
  for (const auto& part : tensor.parts) {
    const at::Tensor rows = part().detach().reshape({-1, columns});
    for (int64_t row = 0; row < rows.size(0); row += rows_at_a_time) {
      const int64_t count = std::min(rows_at_a_time, rows.size(0) - row);
      const at::Tensor values = rows.narrow(0, row, count).to(at::kFloat).contiguous();
      check_values(tensor, values);
      encode_rows(tensor, values, bytes);
      out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
  }
  const int64_t size = bytes_of(tensor);
  const std::string padding(static_cast<size_t>(padded(size) - size), '\0');
  out.write(padding.data(), static_cast<std::streamsize>(padding.size()));
}

}  // namespace

void Metadata::begin(const std::string& key, uint32_t type) {
  append_text(bytes_, key);
  append(bytes_, type);
  ++count_;
}

void Metadata::begin_array(const std::string& key, uint32_t type, size_t size) {
  begin(key, kArray);
  append(bytes_, type);
  append<uint64_t>(bytes_, size);
}

void Metadata::add(const std::string& key, uint32_t value) {
  begin(key, kUint32);
  append(bytes_, value);
}

void Metadata::add(const std::string& key, float value) {
  begin(key, kFloat32);
  append(bytes_, value);
}

void Metadata::add(const std::string& key, bool value) {
  begin(key, kBool);
  append<uint8_t>(bytes_, value ? 1 : 0);
}

void Metadata::add(const std::string& key, const std::string& value) {
  begin(key, kString);
  append_text(bytes_, value);
}

void Metadata::add(const std::string& key, const std::vector<std::string>& values) {
  begin_array(key, kString, values.size());
  for (const std::string& value : values) append_text(bytes_, value);
}

void Metadata::add(const std::string& key, const std::vector<float>& values) {
  begin_array(key, kFloat32, values.size());
  for (const float value : values) append(bytes_, value);
}

void Metadata::add(const std::string& key, const std::vector<int32_t>& values) {
  begin_array(key, kInt32, values.size());
  for (const int32_t value : values) append(bytes_, value);
}

void write_gguf(const std::filesystem::path& file, const Metadata& metadata,
                const std::vector<TensorEntry>& tensors) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  const std::string begin = header(metadata, tensors);
  out.write(begin.data(), static_cast<std::streamsize>(begin.size()));
  for (const TensorEntry& tensor : tensors) {
    write_tensor(out, tensor);
    if (!out) break;
  }
  out.flush();
  if (!out)
    throw base::Error(base::ExitCode::failure, "cannot write the GGUF file: is the disk full?",
                      {file.string()});
}

}  // namespace swift::quant::gguf
