#include "data/messages.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace swift::data {
using base::Error;
using base::ExitCode;
using base::Json;
using base::Location;
namespace {

using Name = std::pair<std::string_view, std::string_view>;
constexpr std::array kRoles = {
    Name{"system", "system"},       Name{"developer", "developer"},  Name{"user", "user"},
    Name{"human", "user"},          Name{"assistant", "assistant"},  Name{"gpt", "assistant"},
    Name{"bot", "assistant"},       Name{"chatgpt", "assistant"},    Name{"model", "assistant"},
    Name{"tool_call", "tool_call"}, Name{"tool_calls", "tool_call"}, Name{"function_call", "tool_call"},
    Name{"tool", "tool"},           Name{"tool_response", "tool"},   Name{"function_response", "tool"},
    Name{"function", "tool"},       Name{"observation", "tool"},     Name{"observations", "tool"},
    Name{"ipython", "tool"},
};
constexpr std::array kKeptKeys = {"reasoning_content", "thinking", "tool_calls", "tool_call_id", "name"};

[[noreturn]] void fail(const Location& where, const std::string& what, const std::string& hint = {}) {
  throw Error(ExitCode::data, what, where, hint);
}

const Json* member(const Json& object, const char* a, const char* b) {
  for (const char* key : {a, b}) {
    const auto found = object.find(key);
    if (found != object.end() && !found->is_null()) return &*found;
  }
  return nullptr;
}

std::string canonical_role(const std::string& role, const Location& where) {
  for (const auto& [from, to] : kRoles) {
    if (from == role) return std::string(to);
  }
  fail(where, "unknown role '" + role + "'",
       "roles: system, user (human), assistant (gpt, bot), tool_call, tool (tool_response, observation)");
}

// Text parts joined; other parts (images, audio) are refused rather than lost.
std::string joined_parts(const Json& parts, const Location& where) {
  std::string text;
  for (const Json& part : parts) {
    if (part.is_string()) {
      text += part.get_ref<const std::string&>();
      continue;
    }
    const std::string type = part.is_object() ? part.value("type", std::string("text")) : std::string();
    if (type != "text" || !part.contains("text") || !part["text"].is_string()) {
      fail(where, "a content part of type '" + type + "' is not supported", "only text parts are");
    }
    text += part["text"].get_ref<const std::string&>();
  }
  return text;
}

std::string content_text(const Json* content, const std::string& role, const Location& where) {
  if (content == nullptr) return {};
  if (content->is_string()) return content->get<std::string>();
  if (role == "tool" && !content->is_array()) return content->dump();
  if (content->is_array()) return joined_parts(*content, where);
  fail(where, "the content of a message is neither text nor a list of parts");
}

// Templates expect arguments as an object; OpenAI writes them as JSON text.
void parse_arguments(Json& call) {
  Json& function = call.contains("function") && call["function"].is_object() ? call["function"] : call;
  const auto arguments = function.find("arguments");
  if (arguments == function.end() || !arguments->is_string()) return;
  Json parsed = Json::parse(arguments->get_ref<const std::string&>(), nullptr, false);
  if (parsed.is_object()) *arguments = std::move(parsed);
}

Json tool_calls_of(const Json& value, const Location& where) {
  Json calls = value.is_array() ? value : Json::array({value});
  for (Json& call : calls) {
    if (!call.is_object()) fail(where, "a tool call is no object", "write {\"name\": …, \"arguments\": {…}}");
    parse_arguments(call);
  }
  return calls;
}

// The content of a tool_call message: one call or a list of them, as JSON text.
Json calls_from_content(const Json* content, const Location& where) {
  Json parsed = content == nullptr     ? Json()
                : content->is_string() ? Json::parse(content->get_ref<const std::string&>(), nullptr, false)
                                       : *content;
  if (!parsed.is_object() && !parsed.is_array()) {
    fail(where, "the content of a tool_call message is no JSON object",
         "write {\"name\": …, \"arguments\": {…}}");
  }
  Json calls = Json::array();
  for (Json& call : tool_calls_of(parsed, where)) {
    calls.push_back(call.contains("function") ? call : Json{{"type", "function"}, {"function", call}});
  }
  return calls;
}

bool loss_flag(const Json& message, const char* key, const Location& where) {
  const Json& value = message[key];
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number() && (value == 0 || value == 1)) return value == 1;
  fail(where, std::string(key) + " of a message must be true or false", "weights are given as loss_scale");
}

// "loss" and "loss_scale" of a message, where it has them.
void copy_loss(Json& made, const Json& message, const Location& where) {
  const auto has = [&](const char* key) { return message.contains(key) && !message[key].is_null(); };
  if (has("loss")) made["loss"] = loss_flag(message, "loss", where);
  if (!has("loss_scale")) return;
  const Json& weight = message["loss_scale"];
  if (!weight.is_number() || !(weight.get<double>() >= 0 && weight.get<double>() <= 1e6))
    fail(where, "loss_scale of a message must be a number from 0 to 1e6");
  made["loss_scale"] = weight.get<double>();
}

void add_message(Json& out, const Json& message, const Location& where) {
  const Json* role_value = member(message, "role", "from");
  if (role_value == nullptr || !role_value->is_string()) {
    fail(where, "a message without a role", "each message needs role and content (or from and value)");
  }
  const std::string role = canonical_role(role_value->get<std::string>(), where);
  const Json* content = member(message, "content", "value");
  if (role == "tool_call") {
    Json calls = calls_from_content(content, where);
    const bool joins = !out.empty() && out.back()["role"] == "assistant";
    if (!joins) out.push_back({{"role", "assistant"}, {"content", ""}});
    Json& all = out.back()["tool_calls"];
    if (all.is_null()) all = Json::array();
    for (Json& call : calls) all.push_back(std::move(call));
    if (!joins) copy_loss(out.back(), message, where);
    return;
  }
  Json made = {{"role", role}, {"content", content_text(content, role, where)}};
  for (const char* key : kKeptKeys) {
    const auto found = message.find(key);
    if (found == message.end() || found->is_null()) continue;
    const bool calls = std::string_view(key) == "tool_calls";
    if (calls && found->is_array() && found->empty()) continue;
    made[key] = calls ? tool_calls_of(*found, where) : *found;
  }
  if (content == nullptr && !made.contains("tool_calls")) fail(where, "a message without content");
  copy_loss(made, message, where);
  out.push_back(std::move(made));
}

// {"human": …, "assistant": …}: one object a round. False when the object is no such pair.
bool add_short_round(Json& out, const Json& round, const Location& where) {
  if (round.contains("role") || round.contains("from")) return false;
  const Json* user = member(round, "human", "user");
  const Json* assistant = member(round, "assistant", "gpt");
  if (user == nullptr && assistant == nullptr) return false;
  if (const Json* system = member(round, "system", "system")) {
    add_message(out, {{"role", "system"}, {"content", *system}}, where);
  }
  if (user != nullptr) add_message(out, {{"role", "user"}, {"content", *user}}, where);
  if (assistant != nullptr) add_message(out, {{"role", "assistant"}, {"content", *assistant}}, where);
  return true;
}

}  // namespace

Json normalise_messages(const Json& list, const Location& where) {
  if (!list.is_array()) fail(where, "the messages are no list");
  if (list.empty()) fail(where, "the list of messages is empty");
  Json out = Json::array();
  for (const Json& message : list) {
    if (!message.is_object()) fail(where, "a message is no object");
    if (!add_short_round(out, message, where)) add_message(out, message, where);
  }
  return out;
}

Json normalise_tools(const Json& tools, const Location& where) {
  if (tools.is_null()) return nullptr;
  Json list = tools;
  if (list.is_string()) {
    const std::string text = list.get<std::string>();
    if (text.empty()) return nullptr;
    list = Json::parse(text, nullptr, false);
  }
  if (list.is_object()) list = Json::array({list});
  if (!list.is_array()) fail(where, "tools is neither a list nor the JSON text of one");
  for (Json& tool : list) {
    if (tool.is_string()) tool = Json::parse(tool.get<std::string>(), nullptr, false);
    if (!tool.is_object()) fail(where, "a tool is no JSON object");
  }
  return list.empty() ? Json(nullptr) : list;
}

}  // namespace swift::data
