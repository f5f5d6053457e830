#include "infer/server/messages.h"

#include "base/format.h"

namespace swift::infer::server {

using base::cat;
using base::Json;

namespace {

// Arguments as the object that templates walk through.
Json arguments_object(Fields& function) {
  const Json* arguments = function.find("arguments");
  if (arguments == nullptr) return Json::object();
  if (arguments->is_object()) return *arguments;
  const std::string text = function.text("arguments").value_or("");
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return Json::object();
  try {
    Json parsed = parse_body(text);
    return parsed;
  } catch (const ApiError&) {
    function.fail("arguments", cat("Invalid '", function.path_of("arguments"),
                                   "': expected a text that holds a JSON object."));
  }
}

Json normalized_calls(const Json& calls, const std::string& path) {
  Json out = Json::array();
  for (size_t i = 0; i < calls.size(); ++i) {
    Fields call(calls[i], cat(path, "[", i, "]"));
    Json result = {{"type", "function"}};
    if (const auto id = call.text("id")) result["id"] = *id;
    Fields function(call.require("function"), call.path_of("function"));
    function.require("name");
    result["function"] = {{"name", *function.text("name")}, {"arguments", arguments_object(function)}};
    out.push_back(std::move(result));
  }
  return out;
}

std::string role_of(Fields& message) {
  message.require("role");
  const std::string role = *message.text("role");
  if (role == "developer") return "system";
  if (role == "function") return "tool";
  if (role == "system" || role == "user" || role == "assistant" || role == "tool") return role;
  message.fail("role", cat("Invalid value: '", role,
                           "'. Supported values are: 'system', 'developer', 'user', "
                           "'assistant', 'tool', and 'function'."));
}

Json normalized(const Json& given, const std::string& path) {
  Fields message(given, path);
  const std::string role = role_of(message);
  const Json* calls = message.array("tool_calls");
  const Json* old_call = message.object("function_call");
  const Json* content = message.find("content");
  if (content == nullptr && role != "assistant") {
    message.fail("content", cat("Missing required parameter: '", message.path_of("content"), "'."));
  }
  Json out = {{"role", role}, {"content", content_text(content, message.path_of("content"))}};
  for (const char* key : {"name", "tool_call_id"}) {
    if (const auto text = message.text(key)) out[key] = *text;
  }
  if (role != "assistant") return out;
  auto reasoning = message.text("reasoning_content");
  if (!reasoning) reasoning = message.text("reasoning");
  if (reasoning) out["reasoning_content"] = *reasoning, out["reasoning"] = *reasoning;
  if (calls != nullptr && !calls->empty()) {
    out["tool_calls"] = normalized_calls(*calls, message.path_of("tool_calls"));
  } else if (old_call != nullptr) {
    out["tool_calls"] =
        normalized_calls(Json::array({Json{{"function", *old_call}}}), message.path_of("function_call"));
  }
  return out;
}

}  // namespace

std::string content_text(const Json* content, const std::string& path) {
  if (content == nullptr || content->is_null()) return {};
  if (content->is_string()) return content->get<std::string>();
  if (!content->is_array()) {
    throw ApiError(400,
                   cat("Invalid type for '", path, "': expected a string or an array of parts, but got ",
                       type_word(*content), " instead."),
                   path);
  }
  std::string text;
  for (size_t i = 0; i < content->size(); ++i) {
    Fields part((*content)[i], cat(path, "[", i, "]"));
    const std::string type = part.text("type").value_or("text");
    std::string_view key;
    if (type == "text" || type == "input_text" || type == "output_text") {
      key = "text";
    } else if (type == "refusal") {
      key = "refusal";
    } else {
      part.fail("type",
                cat("Invalid '", part.path_of("type"), "': this model takes text only, not '", type, "'."));
    }
    part.require(key);
    text += (i == 0 ? "" : "\n") + *part.text(key);
  }
  return text;
}

Json normalized_messages(const Json& messages, int64_t max_messages) {
  if (messages.empty()) {
    throw ApiError(
        400,
        "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty "
        "array instead.",
        "messages");
  }
  if (static_cast<int64_t>(messages.size()) > max_messages) {
    throw ApiError(400,
                   cat("Invalid 'messages': array too long. Expected an array with maximum length ",
                       max_messages, ", but got an array with length ", messages.size(), " instead."),
                   "messages");
  }
  Json out = Json::array();
  for (size_t i = 0; i < messages.size(); ++i)
    out.push_back(normalized(messages[i], cat("messages[", i, "]")));
  return out;
}

}  // namespace swift::infer::server
