#include "model/safetensors.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <set>

#include "base/format.h"

namespace swift::model {
namespace fs = std::filesystem;
using base::cat;
using base::ExitCode;
using base::Json;
namespace {

struct Dtype {
  const char* name;
  at::ScalarType type;
};
constexpr Dtype kDtypes[] = {
    {"F64", at::kDouble},
    {"F32", at::kFloat},
    {"F16", at::kHalf},
    {"BF16", at::kBFloat16},
    {"I64", at::kLong},
    {"I32", at::kInt},
    {"I16", at::kShort},
    {"I8", at::kChar},
    {"U8", at::kByte},
    {"BOOL", at::kBool},
    {"F8_E4M3", at::kFloat8_e4m3fn},
};

// Headers beyond this are no models: the format's own reader uses the same bound.
constexpr uint64_t kMaxHeader = 100'000'000;

[[noreturn]] void fail(const fs::path& file, const std::string& message) {
  throw base::Error(ExitCode::model, message, {file.string()});
}

at::ScalarType scalar_type(const fs::path& file, const std::string& tensor, const Json& entry) {
  if (!entry.contains("dtype") || !entry.at("dtype").is_string())
    fail(file, cat("tensor '", tensor, "' has no dtype"));
  const std::string name = entry.at("dtype").get<std::string>();
  for (const Dtype& known : kDtypes) {
    if (name == known.name) return known.type;
  }
  fail(file, cat("tensor '", tensor, "' has the unknown dtype '", name, "'"));
}

std::vector<int64_t> shape_of(const fs::path& file, const std::string& tensor, const Json& entry) {
  std::vector<int64_t> shape;
  if (!entry.contains("shape") || !entry.at("shape").is_array())
    fail(file, cat("tensor '", tensor, "' has no shape"));
  int64_t elements = 1;
  for (const Json& size : entry.at("shape")) {
    if (!size.is_number_unsigned() || size.get<uint64_t>() > (uint64_t{1} << 40)) {
      fail(file, cat("tensor '", tensor, "' has a malformed shape"));
    }
    shape.push_back(size.get<int64_t>());
    if (__builtin_mul_overflow(elements, shape.back(), &elements))
      fail(file, cat("tensor '", tensor, "' is too large"));
  }
  return shape;
}

std::pair<uint64_t, uint64_t> offsets_of(const fs::path& file, const std::string& tensor, const Json& entry,
                                         uint64_t available) {
  const Json* offsets = entry.contains("data_offsets") ? &entry.at("data_offsets") : nullptr;
  if (offsets == nullptr || !offsets->is_array() || offsets->size() != 2 ||
      !offsets->at(0).is_number_unsigned() || !offsets->at(1).is_number_unsigned()) {
    fail(file, cat("tensor '", tensor, "' has malformed data_offsets"));
  }
  const auto begin = offsets->at(0).get<uint64_t>(), end = offsets->at(1).get<uint64_t>();
  if (begin > end || end > available) {
    fail(file, cat("the file is truncated: tensor '", tensor, "' ends at byte ", end,
                   " of the data, which has ", available, " bytes"));
  }
  return {begin, end};
}

const char* dtype_name(at::ScalarType type) {
  for (const Dtype& known : kDtypes) {
    if (known.type == type) return known.name;
  }
  throw base::Error(ExitCode::failure, "a tensor of this type cannot be saved");
}

}  // namespace

void TensorFiles::read(const fs::path& file) {
  auto mapping = std::make_shared<base::MappedFile>(base::MappedFile::open(file, ExitCode::model));
  const auto bytes = mapping->bytes();
  uint64_t header_size = 0;
  if (bytes.size() < sizeof header_size) fail(file, "the file is truncated: it has no safetensors header");
  std::memcpy(&header_size, bytes.data(), sizeof header_size);
  if (header_size > kMaxHeader) fail(file, "not a safetensors file: the header length is implausible");
  if (header_size > bytes.size() - 8) fail(file, "the file is truncated inside its header");
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + 8, header_size);
  const Json header = base::parse_json(text, file.string(), ExitCode::model);
  if (!header.is_object()) fail(file, "the safetensors header must be an object");
  const std::byte* data = bytes.data() + 8 + header_size;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      metadata_ = entry;
      continue;
    }
    if (!entry.is_object()) fail(file, cat("the header entry '", name, "' must be an object"));
    const at::ScalarType type = scalar_type(file, name, entry);
    const auto shape = shape_of(file, name, entry);
    const auto [begin, end] = offsets_of(file, name, entry, bytes.size() - 8 - header_size);
    uint64_t expected = at::elementSize(type);
    for (const int64_t size : shape) {
      if (__builtin_mul_overflow(expected, static_cast<uint64_t>(size), &expected))
        fail(file, cat("tensor '", name, "' has an implausible shape"));
    }
    if (expected != end - begin)
      fail(file, cat("tensor '", name, "': its shape needs ", expected, " bytes, it has ", end - begin));
    tensors_[name] = at::from_blob(
        const_cast<std::byte*>(data + begin), shape, [mapping](void*) {}, at::TensorOptions().dtype(type));
  }
}

TensorFiles TensorFiles::from_file(const fs::path& file) {
  TensorFiles files;
  files.origin_ = file.string();
  files.read(file);
  return files;
}

TensorFiles TensorFiles::from_directory(const fs::path& directory) {
  const fs::path single = directory / "model.safetensors";
  const fs::path index_file = directory / "model.safetensors.index.json";
  if (!fs::exists(index_file)) {
    if (!fs::exists(single)) {
      throw base::Error(ExitCode::model, "no model.safetensors and no model.safetensors.index.json",
                        {directory.string()},
                        "pickled .bin checkpoints are not read; convert them to safetensors");
    }
    return from_file(single);
  }
  const Json index = base::read_json(index_file, ExitCode::model);
  if (!index.is_object() || !index.contains("weight_map") || !index.at("weight_map").is_object()) {
    fail(index_file, "'weight_map' is missing");
  }
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : index.at("weight_map").items()) {
    if (!shard.is_string()) fail(index_file, cat("the shard of '", tensor, "' must be a file name"));
    const fs::path name = shard.get<std::string>();
    if (name.has_parent_path() || name == "..")
      fail(index_file, cat("the shard name '", name.string(), "' must not leave the directory"));
    if (!fs::exists(directory / name))
      fail(index_file, cat("it names the shard '", name.string(), "', which is absent"));
    shards.insert(name);
  }
  TensorFiles files;
  files.origin_ = index_file.string();
  for (const std::string& shard : shards) files.read(directory / shard);
  for (const auto& [tensor, shard] : index.at("weight_map").items()) {
    if (!files.has(tensor))
      fail(index_file, cat("tensor '", tensor, "' is not in ", shard.get<std::string>()));
  }
  return files;
}

at::Tensor TensorFiles::get(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end())
    throw base::Error(ExitCode::model, cat("tensor '", name, "' is missing"), {origin_});
  return found->second;
}

std::vector<std::string> TensorFiles::names() const {
  std::vector<std::string> result;
  for (const auto& [name, tensor] : tensors_) result.push_back(name);
  return result;
}

void TensorFiles::release(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end() || found->second.numel() == 0) return;
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(found->second.const_data_ptr()) / page * page;
  const auto end = reinterpret_cast<uintptr_t>(found->second.const_data_ptr()) + found->second.nbytes();
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

int64_t LazyTensor::bytes() const {
  return c10::multiply_integers(sizes) * static_cast<int64_t>(c10::elementSize(type));
}

void save_safetensors(const fs::path& file, const NamedTensors& tensors) {
  std::vector<LazyTensor> lazy;
  for (const auto& [name, tensor] : tensors)
    lazy.push_back({name, tensor.scalar_type(), tensor.sizes().vec(), [tensor = tensor] { return tensor; }});
  save_safetensors(file, lazy);
}

void save_safetensors(const fs::path& file, const std::vector<LazyTensor>& tensors) {
  Json header = {{"__metadata__", {{"format", "pt"}}}};
  uint64_t offset = 0;
  for (const LazyTensor& tensor : tensors) {
    const auto size = static_cast<uint64_t>(tensor.bytes());
    header[tensor.name] = {{"dtype", dtype_name(tensor.type)},
                           {"shape", tensor.sizes},
                           {"data_offsets", {offset, offset + size}}};
    offset += size;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // keeps the data aligned to 8 bytes
  const uint64_t header_size = text.size();
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(&header_size), sizeof header_size);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  for (const LazyTensor& tensor : tensors) {
    const at::Tensor dense = tensor.value().detach().cpu().contiguous();
    out.write(static_cast<const char*>(dense.const_data_ptr()),
              static_cast<std::streamsize>(dense.numel() * dense.element_size()));
  }
  out.flush();
  if (!out)
    throw base::Error(ExitCode::failure, "cannot write the tensors: is the disk full?", {file.string()});
}

}  // namespace swift::model
