#include "base/format.h"
#include "config/deploy_table.h"

namespace swift::config {
namespace {

using base::cat;
using base::Json;

enum class Kind { text, boolean, integer, list, map };

struct Described {
  Kind kind = Kind::text;
  Json value;  // the default; null: unset
};

Described describe(const DeployRow& row) {
  return std::visit(
      [](auto held) -> Described {
        using T = decltype(held);
        if constexpr (std::is_same_v<T, std::monostate>)
          return {Kind::map, nullptr};
        else if constexpr (std::is_same_v<T, std::string*>)
          return {Kind::text, *held};
        else if constexpr (std::is_same_v<T, std::optional<std::string>*>)
          return {Kind::text, nullptr};
        else if constexpr (std::is_same_v<T, bool*>)
          return {Kind::boolean, *held};
        else if constexpr (std::is_same_v<T, int64_t*>)
          return {Kind::integer, *held};
        else if constexpr (std::is_same_v<T, std::optional<int64_t>*>)
          return {Kind::integer, nullptr};
        else if constexpr (std::is_same_v<T, std::vector<std::string>*>)
          return {Kind::list, *held};
        else
          return {Kind::map, nullptr};
      },
      row.slot);
}

Json rows_schema(const std::vector<DeployRow>& rows);

Json row_schema(const DeployRow& row) {
  // Kubernetes takes cpu: 16 and memory: 48Gi alike.
  static const Json kScalar = {{"type", {"string", "number", "boolean"}}};
  const Json null = {{"type", "null"}};
  Json schema;
  if (row.is_section()) {
    schema = rows_schema(row.rows);
  } else if (row.is_records()) {
    schema = {{"type", "array"}, {"items", rows_schema(row.element())}};
  } else {
    switch (describe(row).kind) {
      case Kind::boolean:
        schema = {{"type", "boolean"}};
        break;
      case Kind::integer:
        schema = {{"type", "integer"}};
        if (row.bounds.min > std::numeric_limits<int64_t>::min()) schema["minimum"] = row.bounds.min;
        if (row.bounds.max < std::numeric_limits<int64_t>::max()) schema["maximum"] = row.bounds.max;
        break;
      case Kind::list:
        schema = {{"type", "array"}, {"items", kScalar}};
        break;
      case Kind::map:
        schema = {{"type", "object"}, {"additionalProperties", kScalar}};
        break;
      case Kind::text:
        schema = kScalar;
        if (!row.bounds.one_of.empty()) schema = {{"enum", row.bounds.one_of}};
    }
  }
  Json whole = {{"anyOf", {schema, null}}, {"description", row.help}};
  const Json value = describe(row).value;
  if (!value.is_null()) whole["default"] = value;
  return whole;
}

Json rows_schema(const std::vector<DeployRow>& rows) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const DeployRow& row : rows) {
    properties[std::string(row.key)] = row_schema(row);
    if (row.bounds.required) required.push_back(row.key);
  }
  Json schema = {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = required;
  return schema;
}

std::string default_of(const DeployRow& row) {
  const Json value = describe(row).value;
  if (value.is_null() || value == "") return "";
  if (!value.is_array()) return value.is_string() ? value.get<std::string>() : value.dump();
  std::string text;
  for (const Json& item : value) text += (text.empty() ? "" : " ") + item.get<std::string>();
  return text;
}

// Calls visit(dotted key, row) for every row that holds a value.
template <class Visit>
void walk(const std::vector<DeployRow>& rows, const std::string& prefix, Visit visit) {
  for (const DeployRow& row : rows) {
    const std::string key = prefix + "." + std::string(row.key);
    if (row.is_section())
      walk(row.rows, key, visit);
    else if (row.is_records())
      walk(row.element(), key + "[]", visit);
    else
      visit(key, row);
  }
}

}  // namespace

std::string expectation(const DeployRow& row) {
  if (row.is_section()) return "a map of settings";
  if (row.is_records()) return "a list of maps";
  if (!row.bounds.one_of.empty()) {
    std::string text = "one of ";
    for (size_t i = 0; i < row.bounds.one_of.size(); ++i)
      text +=
          (i == 0 ? "" : ", ") + (row.bounds.one_of[i].empty() ? "empty" : std::string(row.bounds.one_of[i]));
    return text;
  }
  static constexpr const char* kNames[] = {"text", "true or false", "an integer", "a list of texts",
                                           "a map of texts"};
  std::string text = kNames[static_cast<int>(describe(row).kind)];
  const bool low = row.bounds.min > std::numeric_limits<int64_t>::min();
  const bool high = row.bounds.max < std::numeric_limits<int64_t>::max();
  if (low) text += " from " + std::to_string(row.bounds.min);
  if (high) text += " to " + std::to_string(row.bounds.max);
  return text;
}

Json deploy_schema() {
  Deploy deploy;
  Json schema = rows_schema(deploy_rows(deploy));
  schema["type"] = {"object", "null"};
  schema["description"] = "How the task runs on Kubernetes";
  return schema;
}

std::string deploy_reference() {
  Deploy deploy;
  std::string text = "| key | value | default | what |\n|---|---|---|---|\n";
  walk(deploy_rows(deploy), "deploy", [&](const std::string& key, const DeployRow& row) {
    const std::string value = default_of(row);
    text += cat("| `", key, "` | ", expectation(row), row.bounds.required ? ", required" : "", " | ",
                value.empty() ? "" : "`" + value + "`", " | ", row.help, " |\n");
  });
  return text;
}

std::optional<std::string> explain_deploy(std::string_view wanted) {
  Deploy deploy;
  std::optional<std::string> text;
  walk(deploy_rows(deploy), "deploy", [&](const std::string& key, const DeployRow& row) {
    if (key != wanted) return;
    const std::string value = default_of(row);
    text = cat(key, "\n  ", row.help, "\n  value:       ", expectation(row),
               "\n  default:     ", value.empty() ? "unset" : value, "\n  flag:        --set ", key, "=…\n");
  });
  return text;
}

}  // namespace swift::config
