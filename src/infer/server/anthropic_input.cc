#include "infer/server/anthropic_input.h"

#include "base/format.h"
#include "infer/server/messages.h"

namespace swift::infer::server {

using base::cat;
using base::Json;

namespace {

// One message becomes several: results of tools are messages of their own in the chat API.
void add_message(Json& messages, const Json& given, const std::string& path) {
  Fields message(given, path);
  message.require("role");
  const std::string role = *message.text("role");
  const Json& content = message.require("content");
  if (!content.is_array()) {
    messages.push_back({{"role", role}, {"content", content}});
    return;
  }
  std::string text, reasoning;
  Json calls = Json::array();
  for (size_t i = 0; i < content.size(); ++i) {
    Fields block(content[i], cat(path, ".content[", i, "]"));
    block.require("type");
    const std::string type = *block.text("type");
    if (type == "text") {
      block.require("text");
      text += (text.empty() ? "" : "\n") + *block.text("text");
    } else if (type == "thinking") {
      reasoning += block.text("thinking").value_or("");
    } else if (type == "tool_use") {
      block.require("name");
      const Json* input = block.object("input");
      calls.push_back(
          {{"id", block.text("id").value_or("")},
           {"type", "function"},
           {"function",
            {{"name", *block.text("name")}, {"arguments", input == nullptr ? Json::object() : *input}}}});
    } else if (type == "tool_result") {
      messages.push_back({{"role", "tool"},
                          {"tool_call_id", block.text("tool_use_id").value_or("")},
                          {"content", content_text(block.find("content"), block.path_of("content"))}});
    } else if (type != "redacted_thinking") {
      block.fail("type",
                 cat("Invalid '", block.path_of("type"), "': this model takes text only, not '", type, "'."));
    }
  }
  if (text.empty() && calls.empty() && reasoning.empty()) return;
  Json out = {{"role", role}, {"content", text}};
  if (!reasoning.empty()) out["reasoning_content"] = reasoning;
  if (!calls.empty()) out["tool_calls"] = std::move(calls);
  messages.push_back(std::move(out));
}

}  // namespace

Json read_anthropic_messages(Fields& fields) {
  Json messages = Json::array();
  const std::string system = content_text(fields.find("system"), "system");
  if (!system.empty()) messages.push_back({{"role", "system"}, {"content", system}});
  fields.require("messages");
  const Json* given = fields.array("messages");
  for (size_t i = 0; i < given->size(); ++i) add_message(messages, (*given)[i], cat("messages[", i, "]"));
  return messages;
}

ToolUse read_anthropic_tools(Fields& fields) {
  const Json* tools = fields.array("tools");
  Json chat = Json::object();
  if (tools != nullptr && !tools->empty()) {
    chat["tools"] = Json::array();
    for (size_t i = 0; i < tools->size(); ++i) {
      Fields tool((*tools)[i], cat("tools[", i, "]"));
      tool.require("name");
      Json function = {{"name", *tool.text("name")}};
      if (const auto description = tool.text("description")) function["description"] = *description;
      if (const Json* schema = tool.object("input_schema")) function["parameters"] = *schema;
      chat["tools"].push_back({{"type", "function"}, {"function", std::move(function)}});
    }
  }
  if (const Json* choice = fields.object("tool_choice")) {
    Fields inner(*choice, "tool_choice");
    inner.require("type");
    const std::string type = *inner.text("type");
    if (type == "auto" || type == "none") {
      chat["tool_choice"] = type;
    } else if (type == "any") {
      chat["tool_choice"] = "required";
    } else if (type == "tool") {
      inner.require("name");
      chat["tool_choice"] = {{"type", "function"}, {"function", {{"name", *inner.text("name")}}}};
    } else {
      inner.fail("type", cat("Invalid value: '", type,
                             "'. Supported values are: 'auto', 'any', 'tool', and 'none'."));
    }
    chat["parallel_tool_calls"] = !inner.boolean("disable_parallel_tool_use").value_or(false);
  }
  Fields inner(chat);
  return read_tools(inner);
}

}  // namespace swift::infer::server
