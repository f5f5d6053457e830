#include "data/token_cache.h"

#include <cstring>
#include <map>
#include <type_traits>

#include "base/file.h"
#include "base/log.h"
#include "data/content_key.h"

namespace swift::data {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kMagic = "SWIFTTC1";
constexpr size_t kKeySize = 32;
constexpr size_t kHeader = 8 + kKeySize + 8 + kKeySize;

class Writer {
 public:
  template <class T>
  void value(T value) {
    static_assert(std::is_arithmetic_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  void text(const std::string& text) {
    value(static_cast<uint32_t>(text.size()));
    bytes_ += text;
  }
  template <class T>
  void values(const std::vector<T>& values) {
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

struct Malformed {};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T value() {
    T value{};
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string text() { return std::string(take(value<uint32_t>())); }
  template <class T>
  std::vector<T> values(size_t count) {
    if (count > bytes_.size() / sizeof(T)) throw Malformed{};
    const std::string_view part = take(count * sizeof(T));
    std::vector<T> values(count);
    if (count > 0) std::memcpy(values.data(), part.data(), part.size());
    return values;
  }
  bool at_end() const { return bytes_.empty(); }
  size_t left() const { return bytes_.size(); }

 private:
  std::string_view take(size_t size) {
    if (size > bytes_.size()) throw Malformed{};
    const std::string_view part = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return part;
  }
  std::string_view bytes_;
};

void write_sample(Writer& out, const Sample& sample, uint32_t file) {
  const size_t length = sample.input_ids.size();
  out.value(static_cast<uint32_t>(length));
  out.values(sample.input_ids);
  std::vector<uint8_t> trained((length + 7) / 8, 0);
  for (size_t i = 0; i < length; ++i)
    trained[i / 8] = static_cast<uint8_t>(trained[i / 8] | (sample.labels[i] != kIgnore ? 1U : 0U) << i % 8);
  out.values(trained);
  out.value(static_cast<uint8_t>(sample.weights.empty() ? 0 : 1));
  out.values(sample.weights);
  out.text(sample.channel);
  out.value(static_cast<uint8_t>(sample.truncated ? 1 : 0));
  out.value(file);
  out.value(static_cast<int32_t>(sample.where.line));
  out.value(static_cast<int32_t>(sample.where.column));
}

Sample read_sample(Reader& in, const std::vector<std::string>& files) {
  Sample sample;
  const size_t length = in.value<uint32_t>();
  sample.input_ids = in.values<int32_t>(length);
  const auto trained = in.values<uint8_t>((length + 7) / 8);
  sample.labels.resize(length);
  for (size_t i = 0; i < length; ++i)
    sample.labels[i] = (trained[i / 8] >> i % 8 & 1) != 0 ? sample.input_ids[i] : kIgnore;
  if (in.value<uint8_t>() != 0) sample.weights = in.values<float>(length);
  sample.channel = in.text();
  sample.truncated = in.value<uint8_t>() != 0;
  const auto file = in.value<uint32_t>();
  if (file >= files.size()) throw Malformed{};
  sample.where.file = files[file];
  sample.where.line = in.value<int32_t>();
  sample.where.column = in.value<int32_t>();
  return sample;
}

void write_samples(Writer& out, const std::vector<Sample>& samples) {
  std::map<std::string, uint32_t> files;
  std::vector<const std::string*> names;
  for (const Sample& sample : samples) {
    if (files.emplace(sample.where.file, static_cast<uint32_t>(names.size())).second)
      names.push_back(&sample.where.file);
  }
  out.value(static_cast<uint32_t>(names.size()));
  for (const std::string* name : names) out.text(*name);
  out.value(static_cast<uint64_t>(samples.size()));
  for (const Sample& sample : samples) write_sample(out, sample, files.at(sample.where.file));
}

std::vector<Sample> read_samples(Reader& in) {
  std::vector<std::string> files;
  for (auto count = in.value<uint32_t>(); count > 0; --count) files.push_back(in.text());
  const auto count = in.value<uint64_t>();
  if (count > in.left()) throw Malformed{};
  std::vector<Sample> samples;
  samples.reserve(count);
  for (uint64_t i = 0; i < count; ++i) samples.push_back(read_sample(in, files));
  return samples;
}

std::string hash_of(std::string_view bytes) {
  ContentHash hash;
  hash.update(bytes);
  return hash.hex();
}

EncodedDataset parse(std::string_view bytes, const std::string& key) {
  Reader in(bytes);
  const auto header = in.values<char>(kHeader);
  const std::string_view head(header.data(), header.size());
  uint64_t size = 0;
  std::memcpy(&size, head.data() + 8 + kKeySize, 8);
  const std::string_view body = bytes.substr(kHeader);
  if (!head.starts_with(kMagic) || head.substr(8, kKeySize) != key || size != body.size() ||
      head.substr(8 + kKeySize + 8) != hash_of(body))
    throw Malformed{};
  EncodedDataset dataset;
  dataset.train_dropped = in.value<int64_t>();
  dataset.validation_dropped = in.value<int64_t>();
  dataset.train = read_samples(in);
  dataset.validation = read_samples(in);
  if (!in.at_end()) throw Malformed{};
  return dataset;
}

}  // namespace

fs::path token_cache_file(const fs::path& directory, const std::string& key) {
  return directory / (key + ".tokens");
}

std::optional<EncodedDataset> read_token_cache(const fs::path& file, const std::string& key) {
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return std::nullopt;
  try {
    const base::MappedFile mapped = base::MappedFile::open(file);
    return parse({reinterpret_cast<const char*>(mapped.bytes().data()), mapped.bytes().size()}, key);
  } catch (const Malformed&) {
    base::log::warn("the cache file " + file.string() + " is damaged and is made again");
  } catch (const base::Error& error) {
    base::log::warn("the cache file cannot be used and is made again: " + std::string(error.what()));
  }
  return std::nullopt;
}

void write_token_cache(const fs::path& file, const std::string& key, const EncodedDataset& dataset) {
  Writer body;
  body.value(dataset.train_dropped);
  body.value(dataset.validation_dropped);
  write_samples(body, dataset.train);
  write_samples(body, dataset.validation);
  const std::string bytes = body.take();
  Writer head;
  head.value(static_cast<uint64_t>(bytes.size()));
  base::write_file_atomic(file, std::string(kMagic) + key + head.take() + hash_of(bytes) + bytes);
}

}  // namespace swift::data
