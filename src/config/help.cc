#include "config/help.h"

#include <cmath>

#include "base/format.h"
#include "config/deploy_table.h"
#include "config/fields.h"
#include "config/names.h"
#include "config/serialize.h"

namespace swift::config {
namespace {

using base::cat;
using base::Json;

constexpr size_t kColumns = 80;
constexpr size_t kHelpColumn = 32;

std::string default_text(const Field& field) {
  const Json value = field.value();
  if (value.is_null()) return "";
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) {
    std::string text;
    for (const Json& item : value) text += (text.empty() ? "" : " ") + item.get<std::string>();
    return text;
  }
  if (value.is_number_float()) return base::shortest(value.get<double>());
  return value.dump();
}

// Words of `text` in lines that end before kColumns, every line after the first indented.
std::string wrapped(std::string_view text, size_t column) {
  std::string result;
  size_t at = column;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (at > column && at + 1 + end > kColumns) {
      result += "\n" + std::string(column, ' ');
      at = column;
    } else if (at > column) {
      result += ' ', ++at;
    }
    result += text.substr(0, end);
    at += end;
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return result;
}

std::string help_line(const Field& field) {
  std::string head = "  --" + std::string(field.key);
  const std::string value = default_text(field);
  if (!value.empty()) head += " " + value;
  head += head.size() + 2 > kHelpColumn ? "\n" + std::string(kHelpColumn, ' ')
                                        : std::string(kHelpColumn - head.size(), ' ');
  std::string help(field.help);
  if (!field.limits.one_of.empty()) {
    help += " (";
    for (size_t i = 0; i < field.limits.one_of.size(); ++i)
      help += (i == 0 ? "" : ", ") + std::string(field.limits.one_of[i]);
    help += ")";
  }
  return head + wrapped(help, kHelpColumn) + "\n";
}

Json value_schema(const Field& field) {
  static constexpr const char* kTypes[] = {"string", "boolean", "integer", "number", "string"};
  Json schema = {{"type", kTypes[static_cast<int>(field.kind())]}};
  const auto bound = [&](const char* name, double value) {
    if (std::isfinite(value))
      schema[name] = field.kind() == Kind::integer ? Json(static_cast<int64_t>(value)) : Json(value);
  };
  bound("minimum", field.limits.min);
  bound("maximum", field.limits.max);
  bound("exclusiveMinimum", field.limits.above);
  bound("exclusiveMaximum", field.limits.below);
  if (!field.limits.one_of.empty()) schema["enum"] = field.limits.one_of;
  return schema;
}

Json field_schema(const Field& field) {
  Json schema = value_schema(field);
  const Json null = {{"type", "null"}};
  if (field.kind() == Kind::list) {
    schema = {{"anyOf", {{{"type", "array"}, {"items", schema}}, schema, null}}};
  } else if (field.limits.json_object) {
    schema = {{"type", {"string", "object"}}};
  } else if (field.kind() == Kind::text && field.limits.one_of.empty()) {
    // A YAML reader takes `system: 7` for a number where this one keeps the text.
    schema["type"] = {"string", "number", "boolean"};
  }
  if (field.optional()) schema = {{"anyOf", {schema, null}}};
  schema["description"] = field.help;
  schema["default"] = field.value();
  return schema;
}

Json alias_schema(const Alias& alias, const std::vector<Field>& all) {
  Json schema = field_schema(*find(all, alias.key));
  schema["description"] = "Another name of " + std::string(alias.key);
  if (alias.deprecated) schema["deprecated"] = true;
  return schema;
}

std::string origin_of(const Task& task, std::string_view key) {
  const auto origin = task.origins.find(key);
  return origin == task.origins.end() ? "default" : origin->second.str();
}

std::string environment_name(std::string_view key) {
  std::string name = "SWIFT_";
  for (const char c : key) name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace

std::string settings_help(unsigned readers) {
  Task task;
  std::string text;
  std::string_view group;
  for (const Field& field : fields(task)) {
    if ((field.readers & readers) == 0) continue;
    if (field.group != group) text += "\n" + std::string(group = field.group) + ":\n";
    text += help_line(field);
  }
  return text;
}

Json json_schema() {
  Task task;
  Json properties = Json::object();
  const auto all = fields(task);
  for (const Field& field : all) properties[std::string(field.key)] = field_schema(field);
  for (const Alias& alias : aliases()) properties[std::string(alias.name)] = alias_schema(alias, all);
  properties["deploy"] = deploy_schema();
  return {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
          {"title", "swift task"},
          {"type", "object"},
          {"properties", properties},
          {"additionalProperties", false}};
}

std::string explain(std::string_view key) {
  Task task;
  const auto all = fields(task);
  const Alias* alias = find_alias(key);
  const Field* field = find(all, alias != nullptr ? alias->key : key);
  if (field == nullptr) {
    if (const auto text = explain_deploy(key)) return *text;
    const auto refused = refusal(key);
    throw base::Error(base::ExitCode::usage, refused ? *refused : unknown_name("key", key, all));
  }
  std::string value = default_text(*field);
  if (value.empty()) value = field->optional() ? "unset" : "empty";
  return cat(field->key, "\n  ", wrapped(field->help, 2), "\n  value:       ", expectation(*field),
             "\n  default:     ", value, "\n  group:       ", field->group, "\n  flag:        --", field->key,
             "\n  environment: ", environment_name(field->key), "\n");
}

std::string reference_page() {
  Task task;
  std::string text =
      "# Settings\n\nMade by `swift config explain --all > docs/settings.md`. A key of the task file is also "
      "a "
      "flag (`--key value`)\nand an environment variable (`SWIFT_KEY`). Precedence: flag, environment, file, "
      "default.\n";
  std::string_view group;
  for (const Field& field : fields(task)) {
    if (field.group != group)
      text += "\n## " + std::string(group = field.group) +
              "\n\n| key | value | default | what |\n|---|---|---|---|\n";
    const std::string value = default_text(field);
    text += cat("| `", field.key, "` | ", expectation(field), " | ", value.empty() ? "" : "`" + value + "`",
                " | ", field.help, " |\n");
  }
  text += "\n## Kubernetes\n\nThe nested section `deploy:`; a flag is `--set deploy.key=value`.\n\n" +
          deploy_reference();
  text += "\n## Other names\n\n| name | stands for |\n|---|---|\n";
  for (const Alias& alias : aliases())
    text += cat("| `", alias.name, "` | `", alias.key, "`", alias.deprecated ? ", deprecated" : "", " |\n");
  return text;
}

std::string show(Task task) {
  std::string text;
  for (const Field& field : fields(task)) {
    const std::string value = field.limits.secret ? "[]" : field.value().dump();
    text += cat(field.key, ": ", value, "  # ", origin_of(task, field.key), "\n");
  }
  const Json& deploy = task.deploy.value;
  if (!deploy.empty()) text += cat("deploy: ", deploy.dump(), "  # ", origin_of(task, "deploy"), "\n");
  return text;
}

Json show_json(const Task& task) {
  Json shown = Json::object();
  const Json values = to_json(task);
  for (const auto& [key, value] : values.items())
    shown[key] = {{"value", value}, {"origin", origin_of(task, key)}};
  return shown;
}

}  // namespace swift::config
