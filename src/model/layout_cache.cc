#include "model/layout_cache.h"

#include <ATen/Parallel.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/format.h"
#include "base/log.h"
#include "ops/code_panels.h"

namespace swift::model {
namespace fs = std::filesystem;
namespace {

using at::Tensor;
using base::cat;

constexpr int64_t kVersion = 1;
constexpr const char* kIdentity = "identity";
constexpr const char* kFile = "swift-layout.bin";
constexpr const char* kHint = "it is made anew from the model's weights";

// What the file must have been made from: names, sizes and times of the model's files.
std::string identity_of(const fs::path& directory, const std::string& purpose) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename();
    if (entry.path().extension() != ".safetensors" && name != "config.json") continue;
    files.push_back(
        cat(name, " ", entry.file_size(), " ", entry.last_write_time().time_since_epoch().count(), "\n"));
  }
  std::sort(files.begin(), files.end());
  std::string text = cat("version ", kVersion, ", ", purpose, "\n");
  for (const std::string& file : files) text += file;
  return text;
}

// Sum of 64-bit words, the last filled up with zeros.
uint64_t sum_words(const uint8_t* bytes, int64_t count) {
  uint64_t total = 0;
  int64_t at = 0;
  for (; at + 8 <= count; at += 8) {
    uint64_t word;
    std::memcpy(&word, bytes + at, sizeof word);
    total += word;
  }
  uint64_t rest = 0;
  std::memcpy(&rest, bytes + at, static_cast<size_t>(count - at));
  return total + rest;
}

constexpr int64_t kPiece = int64_t{256} << 10;  // bytes, a multiple of 8

// Calls f(first byte, bytes) for the pieces, on all threads; the sum of what it returns.
template <class F>
uint64_t sum_pieces(int64_t bytes, const F& f) {
  const int64_t pieces = (bytes + kPiece - 1) / kPiece;
  std::vector<uint64_t> sums(static_cast<size_t>(pieces));
  at::parallel_for(0, pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      sums[static_cast<size_t>(i)] = f(i * kPiece, std::min(kPiece, bytes - i * kPiece));
  });
  uint64_t total = 0;
  for (const uint64_t sum : sums) total += sum;
  return total;
}

uint64_t sum_of(const Tensor& t) {
  if (!t.defined()) return 0;
  const auto* bytes = static_cast<const uint8_t*>(t.const_data_ptr());
  return sum_pieces(ops::bytes_of(t), [&](int64_t at, int64_t n) { return sum_words(bytes + at, n); });
}

// A module's numbers in the file.
struct Entry {
  ops::CodeLayout layout;
  int64_t in = 0;
  at::ScalarType compute = at::kFloat;
  uint64_t sum = 0;  // of all its bytes
};
constexpr int64_t kNumbers = 10;

Tensor numbers_of(const Entry& entry) {
  const ops::CodeLayout& l = entry.layout;
  const int64_t values[kNumbers] = {static_cast<int64_t>(l.form),
                                    l.for_int8,
                                    l.inputs,
                                    l.chunk,
                                    l.chunks_of_group,
                                    l.outputs,
                                    static_cast<int64_t>(l.scale_type),
                                    entry.in,
                                    static_cast<int64_t>(entry.compute),
                                    static_cast<int64_t>(entry.sum)};
  Tensor numbers = at::empty({kNumbers}, at::kLong);
  std::copy_n(values, kNumbers, numbers.data_ptr<int64_t>());
  return numbers;
}

std::optional<Entry> entry_of(const Tensor& numbers) {
  if (numbers.scalar_type() != at::kLong || numbers.numel() != kNumbers) return std::nullopt;
  const auto at = [&](int64_t i) {
    int64_t value;  // the file's tensors begin anywhere
    std::memcpy(&value, static_cast<const char*>(numbers.const_data_ptr()) + 8 * i, sizeof value);
    return value;
  };
  Entry e;
  ops::CodeLayout& l = e.layout;
  l.form = static_cast<ops::CodeForm>(at(0)), l.for_int8 = at(1) != 0;
  l.inputs = at(2), l.chunk = at(3), l.chunks_of_group = at(4), l.outputs = at(5);
  l.scale_type = static_cast<ops::CodeScale>(at(6));
  e.in = at(7), e.compute = static_cast<at::ScalarType>(at(8)), e.sum = static_cast<uint64_t>(at(9));
  const bool sound = at(0) >= 0 && at(0) <= 2 && at(6) >= 0 && at(6) <= 2 && l.chunk >= ops::kCodeStep &&
                     l.chunk <= ops::kCodeChunk && l.chunk % ops::kCodeStep == 0 && l.chunks_of_group >= 1 &&
                     l.chunks_of_group <= l.inputs && e.in >= 1 && l.inputs >= e.in &&
                     l.inputs - e.in < l.chunk && l.outputs >= 1 &&
                     l.inputs % (l.chunk * l.chunks_of_group) == 0;
  if (!sound) return std::nullopt;
  l.panels = (l.outputs + ops::kCodePanel - 1) / ops::kCodePanel;
  return e;
}

// Copies a tensor of the file where kernels read it, and adds its bytes' sum.
Tensor copied(const Tensor& from, ops::LineMemory& memory, uint64_t& sum) {
  const int64_t bytes = ops::bytes_of(from);
  const Tensor to = memory.take(bytes);
  const auto* source = static_cast<const uint8_t*>(from.const_data_ptr());
  auto* target = to.data_ptr<uint8_t>();
  sum += sum_pieces(bytes, [&](int64_t at, int64_t n) {
    std::memcpy(target + at, source + at, static_cast<size_t>(n));
    return sum_words(target + at, n);
  });
  return to.view(from.scalar_type()).view(from.sizes());
}

at::ScalarType type_of(ops::CodeScale scale) {
  if (scale == ops::CodeScale::fp16) return at::kHalf;
  return scale == ops::CodeScale::bf16 ? at::kBFloat16 : at::kFloat;
}

bool order_is_sound(const Tensor& order, int64_t in) {
  return order.numel() == in && std::get<0>(order.sort()).equal(at::arange(in, at::kLong));
}

// The parts of a module whose entry is sound, or nothing.
std::optional<ops::LaidOutCodes> read_parts(const TensorFiles& files, const std::string& module,
                                            const Entry& entry, ops::LineMemory& memory) {
  ops::LaidOutCodes parts;
  parts.layout = entry.layout;
  const int64_t scales = entry.layout.panels * entry.layout.groups() * ops::kCodePanel;
  uint64_t sum = 0;
  const auto read = [&](const char* part, at::ScalarType type, int64_t count) {
    const std::string name = cat(module, ".", part);
    if (!files.has(name)) return Tensor();
    const Tensor stored = files.get(name);
    if (stored.scalar_type() != type || stored.numel() != count) return Tensor();
    Tensor result = copied(stored, memory, sum);
    files.release(name);
    return result;
  };
  parts.codes = read("codes", at::kByte, entry.layout.bytes());
  parts.scales = read("scales", type_of(entry.layout.scale_type), scales);
  parts.zeros = read("zeros", at::kChar, scales);
  parts.order = read("order", at::kLong, entry.in);
  if (!parts.codes.defined() || !parts.scales.defined() || sum != entry.sum) return std::nullopt;
  if (parts.order.defined() && !order_is_sound(parts.order, entry.in)) return std::nullopt;
  const std::array<int64_t, 3> shape = {entry.layout.panels, entry.layout.groups(), ops::kCodePanel};
  parts.scales = parts.scales.view(shape);
  if (parts.zeros.defined()) parts.zeros = parts.zeros.view(shape);
  parts.layout.codes = parts.codes.const_data_ptr<uint8_t>();
  parts.layout.scales = parts.scales.const_data_ptr();
  parts.layout.zeros = parts.zeros.defined() ? parts.zeros.const_data_ptr<int8_t>() : nullptr;
  return parts;
}

Tensor text_tensor(const std::string& text) {
  Tensor bytes = at::empty({static_cast<int64_t>(text.size())}, at::kByte);
  std::memcpy(bytes.data_ptr(), text.data(), text.size());
  return bytes;
}

}  // namespace

LayoutCache::LayoutCache(fs::path directory, std::string purpose)
    : directory_(std::move(directory)), purpose_(std::move(purpose)) {
  const fs::path file = directory_ / kFile;
  if (!fs::exists(file)) return;
  try {
    TensorFiles files = TensorFiles::from_file(file);
    const Tensor made_from = files.get(kIdentity);
    const std::string wanted = identity_of(directory_, purpose_);
    if (made_from.scalar_type() == at::kByte && made_from.numel() == static_cast<int64_t>(wanted.size()) &&
        std::memcmp(made_from.const_data_ptr(), wanted.data(), wanted.size()) == 0) {
      files_ = std::move(files);
    } else {
      base::log::info(cat("layout_cache: ", file.string(), " is of other weights or settings; ", kHint));
    }
  } catch (const base::Error& error) {
    base::log::warn(cat("layout_cache: ", file.string(), " is damaged (", error.what(), "); ", kHint));
  }
}

ops::QuantizedPtr LayoutCache::find(const std::string& module, at::IntArrayRef sizes,
                                    at::ScalarType compute) {
  const std::string name = module + ".numbers";
  if (!files_ || !files_->has(name)) return {};
  const std::optional<Entry> entry = entry_of(files_->get(name));
  if (entry && entry->layout.outputs == sizes[0] && entry->in == sizes[1] && entry->compute == compute) {
    if (auto parts = read_parts(*files_, module, *entry, memory_))
      return ops::from_parts(std::move(*parts), sizes[1], compute);
  }
  base::log::warn(
      cat("layout_cache: '", module, "' is damaged in ", (directory_ / kFile).string(), "; ", kHint));
  files_.reset();
  return {};
}

void LayoutCache::write(const std::vector<std::pair<std::string, ops::QuantizedPtr>>& weights) const {
  NamedTensors tensors = {{kIdentity, text_tensor(identity_of(directory_, purpose_))}};
  for (const auto& [module, weight] : weights) {
    const ops::LaidOutCodes* parts = ops::parts_of(*weight);
    if (parts == nullptr) continue;
    Entry entry{parts->layout, weight->sizes()[1], weight->compute_type(), 0};
    for (const Tensor& part : {parts->codes, parts->scales, parts->zeros, parts->order})
      entry.sum += sum_of(part);
    tensors.emplace_back(module + ".numbers", numbers_of(entry));
    tensors.emplace_back(module + ".codes", parts->codes);
    tensors.emplace_back(module + ".scales", parts->scales);
    if (parts->zeros.defined()) tensors.emplace_back(module + ".zeros", parts->zeros);
    if (parts->order.defined()) tensors.emplace_back(module + ".order", parts->order);
  }
  if (tensors.size() == 1) return;
  const fs::path file = directory_ / kFile, part = directory_ / cat(kFile, ".", ::getpid(), ".part");
  try {
    save_safetensors(part, tensors);
    fs::rename(part, file);
    base::log::info(cat("layout_cache: wrote ", file.string()));
  } catch (const std::exception& error) {
    std::error_code ignored;
    fs::remove(part, ignored);
    base::log::warn(cat("layout_cache: ", file.string(), " cannot be written (", error.what(),
                        "); the model is put in order again the next time"));
  }
}

}  // namespace swift::model
