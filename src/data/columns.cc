#include "data/columns.h"

#include <array>
#include <string_view>
#include <utility>

namespace swift::data {
namespace {

using Alias = std::pair<std::string_view, std::string_view>;  // column -> name in the schemas
constexpr std::array kAliases = {
    Alias{"system", "system"},
    Alias{"system_prompt", "system"},
    Alias{"query", "query"},
    Alias{"prompt", "query"},
    Alias{"input", "query"},
    Alias{"instruction", "query"},
    Alias{"question", "query"},
    Alias{"problem", "query"},
    Alias{"response", "response"},
    Alias{"answer", "response"},
    Alias{"output", "response"},
    Alias{"targets", "response"},
    Alias{"target", "response"},
    Alias{"answer_key", "response"},
    Alias{"answers", "response"},
    Alias{"solution", "response"},
    Alias{"text", "response"},
    Alias{"completion", "response"},
    Alias{"content", "response"},
    Alias{"messages", "messages"},
    Alias{"conversations", "messages"},
    Alias{"conversation", "messages"},
    Alias{"tools", "tools"},
    Alias{"history", "history"},
    Alias{"chosen", "response"},
    Alias{"rejected", "rejected_response"},
};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return text;
}

// The schema name of a column, empty when it has none. Alpaca's pair of columns keeps its names.
std::string_view target_of(const std::string& column, bool alpaca) {
  const std::string name = lower(column);
  if (alpaca && (name == "instruction" || name == "input")) return name == "input" ? "input" : "instruction";
  for (const auto& [from, to] : kAliases) {
    if (from == name) return to;
  }
  return {};
}

bool has_column(const base::Json& record, std::string_view name) {
  for (const auto& item : record.items()) {
    if (lower(item.key()) == name) return true;
  }
  return false;
}

}  // namespace

base::Json map_columns(base::Json record, const std::map<std::string, std::string>& renames) {
  for (const auto& [from, to] : renames) {
    if (from == to || !record.contains(from)) continue;
    base::Json value = std::move(record[from]);
    record.erase(from);
    record[to] = std::move(value);
  }
  const bool alpaca = has_column(record, "instruction") && has_column(record, "input");
  std::map<std::string_view, int> sources;
  for (const auto& item : record.items()) ++sources[target_of(item.key(), alpaca)];
  base::Json mapped = base::Json::object();
  for (auto& item : record.items()) {
    const std::string_view target = target_of(item.key(), alpaca);
    const bool rename = !target.empty() && sources[target] == 1;
    mapped[rename ? std::string(target) : item.key()] = std::move(item.value());
  }
  return mapped;
}

std::string column_list(const base::Json& record) {
  std::string list;
  for (const auto& item : record.items()) list += (list.empty() ? "" : ", ") + item.key();
  return list.empty() ? "none" : list;
}

}  // namespace swift::data
