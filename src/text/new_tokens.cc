#include "text/new_tokens.h"

#include <algorithm>
#include <unordered_map>

#include "base/file.h"

namespace swift::text {
namespace fs = std::filesystem;
using base::Json;
namespace {

Json added_tokens(const Json& tokenizer) {
  const bool has = tokenizer.contains("added_tokens") && tokenizer.at("added_tokens").is_array();
  return has ? tokenizer.at("added_tokens") : Json::array();
}

bool lists(const Json& added, const std::string& token) {
  return std::any_of(added.begin(), added.end(), [&](const Json& entry) {
    return entry.is_object() && entry.value("content", Json()) == Json(token);
  });
}

int64_t first_free_id(const TokenizerFile& file, const Json& added) {
  int64_t largest = -1;
  for (const VocabEntry& entry : file.vocab) largest = std::max<int64_t>(largest, entry.id);
  for (const Json& entry : added) {
    if (entry.is_object() && entry.contains("id") && entry.at("id").is_number_integer())
      largest = std::max(largest, entry.at("id").get<int64_t>());
  }
  return largest + 1;
}

// The entries of added_tokens that are missing.
Json new_entries(const TokenizerFile& file, const std::vector<std::string>& tokens) {
  const Json added = added_tokens(file.rest);
  std::unordered_map<std::string_view, int64_t> vocabulary;
  for (const VocabEntry& entry : file.vocab) vocabulary.emplace(file.text(entry.token), entry.id);
  int64_t next = first_free_id(file, added);
  Json entries = Json::array();
  for (const std::string& token : tokens) {
    if (lists(added, token) || lists(entries, token)) continue;
    const auto known = vocabulary.find(token);
    entries.push_back({{"id", known == vocabulary.end() ? next++ : known->second},
                       {"content", token},
                       {"single_word", false},
                       {"lstrip", false},
                       {"rstrip", false},
                       {"normalized", false},
                       {"special", true}});
  }
  return entries;
}

// transformers 4 keeps a second list of the added tokens here.
void add_to_config(Json& config, const Json& entries) {
  if (!config.is_object() || !config.contains("added_tokens_decoder") ||
      !config.at("added_tokens_decoder").is_object())
    return;
  for (Json entry : entries) {
    const std::string id = std::to_string(entry.at("id").get<int64_t>());
    entry.erase("id");
    config["added_tokens_decoder"][id] = entry;
  }
}

}  // namespace

void add_special_tokens(TokenizerFile& file, const std::vector<std::string>& tokens) {
  if (tokens.empty()) return;
  const Json entries = new_entries(file, tokens);
  Json added = added_tokens(file.rest);
  added.insert(added.end(), entries.begin(), entries.end());
  file.rest["added_tokens"] = std::move(added);
}

void write_with_special_tokens(const fs::path& source, const std::vector<std::string>& tokens,
                               const fs::path& target) {
  const Json entries = new_entries(TokenizerFile::read(source / "tokenizer.json"), tokens);
  Json tokenizer = base::read_json(source / "tokenizer.json", base::ExitCode::model);
  Json added = added_tokens(tokenizer);
  added.insert(added.end(), entries.begin(), entries.end());
  tokenizer["added_tokens"] = std::move(added);
  base::write_file_atomic(target / "tokenizer.json", tokenizer.dump(2) + "\n");
  const fs::path config_file = source / "tokenizer_config.json";
  if (!fs::exists(config_file)) return;
  Json config = base::read_json(config_file, base::ExitCode::model);
  add_to_config(config, entries);
  base::write_file_atomic(target / "tokenizer_config.json", config.dump(2) + "\n");
}

}  // namespace swift::text
