#include "infer/server/tools.h"

#include "base/error.h"
#include "base/format.h"

namespace swift::infer::server {

using base::cat;
using base::Json;

namespace {

Json checked_tools(Fields& fields, const Json& tools) {
  if (tools.empty()) {
    fields.fail(
        "tools",
        "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array "
        "instead.");
  }
  for (size_t i = 0; i < tools.size(); ++i) {
    Fields tool(tools[i], cat("tools[", i, "]"));
    const std::string type = tool.text("type").value_or("function");
    if (type != "function") {
      tool.fail("type", cat("Invalid value: '", type, "'. Supported values are: 'function'."));
    }
    Fields function(tool.require("function"), tool.path_of("function"));
    function.require("name");
    if (function.text("name")->empty()) function.fail("name", "A function's name cannot be empty.");
    function.text("description");
    function.object("parameters");
  }
  return tools;
}

bool has_tool(const Json& tools, const std::string& name) {
  for (const Json& tool : tools) {
    if (tool["function"]["name"] == name) return true;
  }
  return false;
}

void read_choice(Fields& fields, const Json& choice, ToolUse& use) {
  if (choice.is_string()) {
    const auto word = choice.get<std::string>();
    if (word == "none") {
      use.choice = ToolUse::Choice::none;
      use.tools = nullptr;
    } else if (word == "auto") {
      use.choice = ToolUse::Choice::automatic;
    } else if (word == "required") {
      use.choice = ToolUse::Choice::required;
    } else {
      fields.fail("tool_choice",
                  cat("Invalid value: '", word, "'. Supported values are: 'none', 'auto', and 'required'."));
    }
    return;
  }
  Fields named(choice, "tool_choice");
  const Json* inner = named.object("function");
  Fields function(inner != nullptr ? *inner : choice,
                  inner != nullptr ? "tool_choice.function" : "tool_choice");
  function.require("name");
  use.name = *function.text("name");
  use.choice = ToolUse::Choice::named;
  if (!has_tool(use.tools, use.name)) {
    fields.fail("tool_choice", cat("Tool choice '", use.name, "' not found in 'tools' parameter."));
  }
}

std::optional<Constraint> read_response_format(Fields& fields) {
  const Json* format = fields.object("response_format");
  if (format == nullptr) return std::nullopt;
  Fields inner(*format, "response_format");
  inner.require("type");
  const std::string type = *inner.text("type");
  if (type == "text") return std::nullopt;
  if (type == "json_object") return Constraint{.kind = Constraint::Kind::json_object};
  if (type != "json_schema") {
    inner.fail("type", cat("Invalid value: '", type,
                           "'. Supported values are: 'text', 'json_object', and 'json_schema'."));
  }
  Fields schema(inner.require("json_schema"), "response_format.json_schema");
  schema.text("name");
  schema.text("description");
  schema.boolean("strict");
  const Json* value = schema.find("schema");
  if (value == nullptr) return Constraint{.kind = Constraint::Kind::json_object};
  return Constraint{.kind = Constraint::Kind::json_schema, .value = *value};
}

std::optional<Constraint> read_structured_outputs(Fields& fields) {
  const Json* given = fields.object("structured_outputs");
  if (given == nullptr) return std::nullopt;
  Fields inner(*given, "structured_outputs");
  std::vector<Constraint> found;
  if (const Json* json = inner.find("json")) {
    if (json->is_string()) {
      found.push_back({Constraint::Kind::json_schema, parse_body(json->get<std::string>())});
    } else {
      found.push_back({Constraint::Kind::json_schema, *json});
    }
  }
  if (inner.boolean("json_object").value_or(false)) found.push_back({Constraint::Kind::json_object, nullptr});
  if (const auto regex = inner.text("regex")) found.push_back({Constraint::Kind::regex, *regex});
  if (inner.array("choice") != nullptr) found.push_back({Constraint::Kind::choice, inner.texts("choice")});
  if (const auto text = inner.text("grammar")) found.push_back({Constraint::Kind::grammar, *text});
  if (inner.find("structural_tag") != nullptr) {
    inner.fail("structural_tag", "'structured_outputs.structural_tag' is not supported.");
  }
  if (found.size() != 1) {
    fields.fail("structured_outputs",
                cat("Invalid 'structured_outputs': expected exactly one of 'json', 'json_object', 'regex', "
                    "'choice', and 'grammar', but got ",
                    found.size(), "."));
  }
  return found.front();
}

}  // namespace

ToolUse read_tools(Fields& fields) {
  ToolUse use;
  const Json* tools = fields.array("tools");
  const Json* choice = fields.find("tool_choice");
  use.parallel = fields.boolean("parallel_tool_calls").value_or(true);
  for (const char* key : {"functions", "function_call"}) {
    if (fields.find(key) != nullptr) {
      fields.fail(key, cat("'", key, "' is not supported; use 'tools' and 'tool_choice'."));
    }
  }
  if (tools == nullptr) {
    if (choice != nullptr && *choice != "none" && *choice != "auto") {
      fields.fail("tool_choice",
                  "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are "
                  "specified.");
    }
    return use;
  }
  use.tools = checked_tools(fields, *tools);
  use.choice = ToolUse::Choice::automatic;
  if (choice != nullptr) read_choice(fields, *choice, use);
  return use;
}

Json parameters_of(const ToolUse& use, const std::string& name) {
  for (const Json& tool : use.tools) {
    const Json& function = tool["function"];
    if (function["name"] != name) continue;
    const auto found = function.find("parameters");
    if (found != function.end() && found->is_object() && !found->empty()) return *found;
  }
  return {{"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}};
}

// The definitions of all functions stand in one schema, where their references find them.
Constraint forced_constraint(const ToolUse& use) {
  if (use.choice == ToolUse::Choice::named) {
    return {Constraint::Kind::json_schema, parameters_of(use, use.name)};
  }
  Json calls = Json::array();
  Json definitions = Json::object();
  for (const Json& tool : use.tools) {
    const auto name = tool["function"]["name"].get<std::string>();
    Json parameters = parameters_of(use, name);
    for (const char* key : {"$defs", "definitions"}) {
      if (!parameters.contains(key)) continue;
      for (const auto& item : parameters[key].items()) definitions[key][item.key()] = item.value();
      parameters.erase(key);
    }
    calls.push_back({{"type", "object"},
                     {"properties", {{"name", {{"enum", Json::array({name})}}}, {"parameters", parameters}}},
                     {"required", {"name", "parameters"}},
                     {"additionalProperties", false}});
  }
  Json schema = {{"type", "array"}, {"minItems", 1}, {"items", {{"anyOf", calls}}}};
  if (!use.parallel) schema["maxItems"] = 1;
  for (const auto& item : definitions.items()) schema[item.key()] = item.value();
  return {Constraint::Kind::json_schema, schema};
}

std::optional<Constraint> read_constraint(Fields& fields) {
  const auto format = read_response_format(fields);
  const auto structured = read_structured_outputs(fields);
  if (format && structured) {
    fields.fail("structured_outputs", "'structured_outputs' and 'response_format' exclude each other.");
  }
  return format ? format : structured;
}

std::shared_ptr<const text::TokenMatcher> compile(const ServerOptions& options, const Constraint& constraint,
                                                  const std::string& param) {
  if (!options.compile_grammar) {
    throw ApiError(400, "This server does not support structured answers.", param);
  }
  try {
    return options.compile_grammar(constraint);
  } catch (const base::Error& error) {
    throw ApiError(400, cat("Invalid '", param, "': ", error.message()), param);
  }
}

}  // namespace swift::infer::server
