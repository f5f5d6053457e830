// 1 when the completion, or the text of its one ``` block, is JSON that is valid under the schema, else 0.
// The schema is the file of the argument, or the row's column `json_schema` (an object, or its text).
#include <filesystem>

#include "train/rewards/reward.h"
#include "train/rewards/schema_check.h"

namespace swift::train::rewards {
namespace {

using base::Json;

// What stands between a pair of ``` lines, or everything.
std::string_view payload(std::string_view text) {
  const size_t open = text.find("```");
  if (open == std::string_view::npos) return text;
  const size_t line = text.find('\n', open);
  const size_t close = line == std::string_view::npos ? line : text.find("```", line);
  return close == std::string_view::npos ? text : text.substr(line + 1, close - line - 1);
}

Json schema_of(const Scored& row) {
  if (row.columns != nullptr && row.columns->contains("json_schema") &&
      (*row.columns)["json_schema"].is_object())
    return (*row.columns)["json_schema"];
  const std::string text = text_column(row, "json_schema", "json_schema");
  Json schema = Json::parse(text, nullptr, false);
  if (schema.is_discarded())
    throw base::Error(base::ExitCode::data, "reward json_schema: the column json_schema is no JSON",
                      row.where);
  return schema;
}

}  // namespace

std::unique_ptr<Reward> make_json_schema(const std::string& argument, const RewardSettings& /*settings*/) {
  std::shared_ptr<const Json> fixed;
  if (!argument.empty()) {
    fixed = std::make_shared<const Json>(base::read_json(argument, base::ExitCode::usage));
    require_known_schema(*fixed);
  }
  return std::make_unique<RowReward>("json_schema", [fixed](const Scored& row) {
    const Json value = Json::parse(payload(row.completion), nullptr, false);
    if (fixed != nullptr) return !value.is_discarded() && is_valid(value, *fixed) ? 1.0 : 0.0;
    const Json schema = schema_of(row);
    require_known_schema(schema);
    return !value.is_discarded() && is_valid(value, schema) ? 1.0 : 0.0;
  });
}

}  // namespace swift::train::rewards
