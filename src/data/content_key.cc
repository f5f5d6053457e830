#include "data/content_key.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

#include "base/file.h"
#include "data/readers.h"

namespace swift::data {
namespace fs = std::filesystem;
using base::ExitCode;
using base::Json;
namespace {

// Both halves of the product.
uint64_t fold(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

constexpr size_t kEnds = size_t{1} << 20;

std::string_view text_of(const base::MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::string key_of(const fs::path& path, bool whole) {
  ContentHash hash;
  for (const fs::path& name : dataset_files(path)) {
    const base::MappedFile file = base::MappedFile::open(name, ExitCode::data);
    const std::string_view bytes = text_of(file);
    hash.update(name.filename().string());
    hash.update(std::to_string(bytes.size()));
    if (whole || bytes.size() <= 2 * kEnds) {
      hash.update(bytes);
    } else {
      hash.update(bytes.substr(0, kEnds));
      hash.update(bytes.substr(bytes.size() - kEnds));
    }
  }
  return hash.hex();
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
  return text.data();
}

Json options_json(const EncodeOptions& options) {
  return {{"pretrain", options.pretrain},
          {"loss_scale", options.loss_scale},
          {"system", options.system ? Json(*options.system) : Json(nullptr)},
          {"template_variables", options.template_variables},
          {"max_length", options.max_length},
          {"truncation_strategy", options.truncation_strategy},
          {"use_chat_template", options.use_chat_template},
          {"eos_token_ids", options.eos_token_ids},
          {"bos_token_id", options.bos_token_id ? Json(*options.bos_token_id) : Json(nullptr)}};
}

}  // namespace

void ContentHash::update(std::string_view bytes) {
  const auto mix = [this](uint64_t word) {
    a_ = fold(a_ ^ word, 0xa0761d6478bd642fU) + 0x2127599bf4325c37U;
    b_ = (b_ ^ fold(word + b_, 0xe7037ed1a0b428dbU)) * 0x880355f21e6d1965U + (b_ >> 29);
  };
  mix(bytes.size());
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, 8);
    mix(word);
  }
  uint64_t rest = 0;
  if (at < bytes.size()) std::memcpy(&rest, bytes.data() + at, bytes.size() - at);
  mix(rest);
}

std::string ContentHash::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string digits;
  for (const uint64_t lane : {fold(a_, b_ | 1), fold(b_ ^ (a_ >> 32), 0x589965cc75374cc3U)}) {
    for (int shift = 60; shift >= 0; shift -= 4) digits += kDigits[lane >> shift & 15];
  }
  return digits;
}

std::string dataset_key(const fs::path& path) {
  return key_of(path, true);
}

std::string dataset_outline_key(const fs::path& path) {
  return key_of(path, false);
}

std::string encoding_key(const fs::path& model, const std::optional<std::string>& template_file,
                         const EncodeOptions& options) {
  ContentHash hash;
  bool dated = false;
  const auto add = [&](const fs::path& file) {
    std::error_code ignored;
    if (!fs::is_regular_file(file, ignored)) return;
    const base::MappedFile mapped = base::MappedFile::open(file);
    hash.update(file.filename().string());
    hash.update(text_of(mapped));
    dated = dated || text_of(mapped).find("strftime_now") != std::string_view::npos;
  };
  for (const char* name :
       {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "chat_template.jinja", "chat_template.json", "config.json", "generation_config.json"})
    add(model / name);
  if (template_file) add(*template_file);
  if (template_file) hash.update(*template_file);  // may be the template itself
  if (dated) hash.update(today());
  hash.update(options_json(options).dump());
  return hash.hex();
}

}  // namespace swift::data
