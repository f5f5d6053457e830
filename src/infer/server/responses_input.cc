#include "infer/server/responses_input.h"

#include "base/format.h"
#include "infer/server/messages.h"

namespace swift::infer::server {

using base::cat;
using base::Json;

namespace {

// Calls belong to the assistant's message before them.
Json& assistant_at_end(Json& messages) {
  if (messages.empty() || messages.back()["role"] != "assistant") {
    messages.push_back({{"role", "assistant"}, {"content", nullptr}});
  }
  return messages.back();
}

std::string reasoning_text(Fields& item) {
  std::string text;
  for (const char* key : {"content", "summary"}) {
    const Json* parts = item.array(key);
    if (parts == nullptr || !text.empty()) continue;
    for (const Json& part : *parts) {
      if (part.is_object() && part.contains("text") && part["text"].is_string())
        text += part["text"].get<std::string>();
    }
  }
  return text;
}

void add_item(Json& messages, const Json& given, const std::string& path) {
  Fields item(given, path);
  const std::string type = item.text("type").value_or("message");
  if (type == "message") {
    item.require("role");
    item.require("content");
    Json message = {{"role", given["role"]}, {"content", given["content"]}};
    const bool joins = !messages.empty() && messages.back()["role"] == "assistant" &&
                       given["role"] == "assistant" && messages.back()["content"].is_null() &&
                       !messages.back().contains("tool_calls");
    if (joins) {
      messages.back()["content"] = given["content"];
    } else {
      messages.push_back(std::move(message));
    }
  } else if (type == "function_call") {
    item.require("name");
    Json call = {
        {"id", item.text("call_id").value_or("")},
        {"type", "function"},
        {"function", {{"name", *item.text("name")}, {"arguments", item.text("arguments").value_or("{}")}}}};
    assistant_at_end(messages)["tool_calls"].push_back(std::move(call));
  } else if (type == "function_call_output") {
    item.require("call_id");
    item.require("output");
    messages.push_back({{"role", "tool"},
                        {"tool_call_id", *item.text("call_id")},
                        {"content", content_text(item.find("output"), item.path_of("output"))}});
  } else if (type == "reasoning") {
    messages.push_back(
        {{"role", "assistant"}, {"content", nullptr}, {"reasoning_content", reasoning_text(item)}});
  } else {
    item.fail("type",
              cat("Invalid '", item.path_of("type"), "': items of type '", type, "' are not supported."));
  }
}

}  // namespace

Json read_response_input(Fields& fields) {
  Json messages = Json::array();
  if (const auto instructions = fields.text("instructions"); instructions && !instructions->empty()) {
    messages.push_back({{"role", "system"}, {"content", *instructions}});
  }
  const Json& input = fields.require("input");
  if (input.is_string()) {
    messages.push_back({{"role", "user"}, {"content", input}});
    return messages;
  }
  const Json* items = fields.array("input");
  for (size_t i = 0; i < items->size(); ++i) add_item(messages, (*items)[i], cat("input[", i, "]"));
  return messages;
}

ToolUse read_response_tools(Fields& fields) {
  const Json* tools = fields.array("tools");
  Json chat = Json::object();
  if (tools != nullptr && !tools->empty()) {
    chat["tools"] = Json::array();
    for (size_t i = 0; i < tools->size(); ++i) {
      Fields tool((*tools)[i], cat("tools[", i, "]"));
      const std::string type = tool.text("type").value_or("function");
      if (type != "function") tool.fail("type", cat("Tools of type '", type, "' are not supported."));
      Json function = (*tools)[i];
      function.erase("type");
      chat["tools"].push_back({{"type", "function"}, {"function", std::move(function)}});
    }
  }
  for (const char* key : {"tool_choice", "parallel_tool_calls"}) {
    if (const Json* value = fields.find(key)) chat[key] = *value;
  }
  Fields inner(chat);
  return read_tools(inner);
}

std::optional<Constraint> read_text_format(Fields& fields) {
  const Json* text = fields.object("text");
  if (text == nullptr) return std::nullopt;
  Fields inner(*text, "text");
  const Json* format = inner.object("format");
  if (format == nullptr) return std::nullopt;
  Fields form(*format, "text.format");
  const std::string type = form.text("type").value_or("text");
  if (type == "text") return std::nullopt;
  if (type == "json_object") return Constraint{.kind = Constraint::Kind::json_object};
  if (type != "json_schema") {
    form.fail("type", cat("Invalid value: '", type,
                          "'. Supported values are: 'text', 'json_object', and 'json_schema'."));
  }
  return Constraint{.kind = Constraint::Kind::json_schema, .value = form.require("schema")};
}

}  // namespace swift::infer::server
