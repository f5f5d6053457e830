#include "data/schema.h"

#include <utility>

#include "data/columns.h"
#include "data/literal.h"
#include "data/messages.h"
#include "data/preference_columns.h"

namespace swift::data {
using base::Error;
using base::ExitCode;
using base::Json;
using base::Location;
namespace {

constexpr const char* kAccepted =
    "accepted: {\"messages\": [{\"role\", \"content\"}]}, {\"conversations\": [{\"from\", \"value\"}]}, "
    "{\"query\", \"response\"} with optional system and history, {\"instruction\", \"input\", \"output\"}, "
    "and for "
    "pt {\"text\"}; other names: use 'columns'";

[[noreturn]] void fail(const Location& where, const std::string& what, const std::string& hint = {}) {
  throw Error(ExitCode::data, what, where, hint);
}

bool has(const Json& record, const char* key) {
  const auto found = record.find(key);
  return found != record.end() && !found->is_null();
}

// A column as text; a list gives its first element (several accepted answers), null and absent give "".
std::string text_of(const Json& record, const char* key, const Location& where) {
  if (!has(record, key)) return {};
  const Json& value = record[key];
  const Json& first = value.is_array() && !value.empty() ? value[0] : value;
  if (first.is_string()) return first.get<std::string>();
  if (first.is_number() || first.is_boolean()) return first.dump();
  fail(where, std::string("column '") + key + "' holds no text");
}

// A list column that may be written as text.
Json list_of(const Json& value, const char* name, const Location& where) {
  if (value.is_array()) return value;
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    if (text.empty()) return Json::array();
    if (auto list = parse_list_text(text)) return *list;
  }
  fail(where, std::string("column '") + name + "' is no list");
}

void add_text(Json& messages, const char* role, std::string text) {
  messages.push_back({{"role", role}, {"content", std::move(text)}});
}

void add_history(Json& messages, const Json& record, const Location& where) {
  if (!has(record, "history")) return;
  for (const Json& round : list_of(record["history"], "history", where)) {
    const bool pair = round.is_array() && round.size() == 2 && round[0].is_string() && round[1].is_string();
    if (!pair) fail(where, "history must be a list of [query, response] pairs");
    add_text(messages, "user", round[0].get<std::string>());
    add_text(messages, "assistant", round[1].get<std::string>());
  }
}

bool is_message_list(const Json& value) {
  return value.is_array() && !value.empty() && value[0].is_object() &&
         (value[0].contains("role") || value[0].contains("from"));
}

// Query and response, either of them text or (TRL's prompt/completion) a list of messages.
Json query_response(const Json& record, const Location& where) {
  Json messages = Json::array();
  add_history(messages, record, where);
  if (has(record, "query") && is_message_list(record["query"])) {
    for (Json& message : normalise_messages(record["query"], where)) messages.push_back(std::move(message));
  } else if (has(record, "query")) {
    add_text(messages, "user", text_of(record, "query", where));
  }
  if (has(record, "response") && is_message_list(record["response"])) {
    for (Json& message : normalise_messages(record["response"], where))
      messages.push_back(std::move(message));
  } else if (has(record, "response")) {
    add_text(messages, "assistant", text_of(record, "response", where));
  }
  return messages;
}

Json alpaca(const Json& record, const Location& where) {
  Json messages = Json::array();
  add_history(messages, record, where);
  const std::string instruction = text_of(record, "instruction", where);
  const std::string input = text_of(record, "input", where);
  add_text(messages, "user",
           instruction.empty() || input.empty() ? instruction + input : instruction + "\n" + input);
  if (has(record, "response")) add_text(messages, "assistant", text_of(record, "response", where));
  return messages;
}

Json messages_of(const Json& record, const Location& where) {
  Json messages;
  if (has(record, "messages")) {
    messages = normalise_messages(list_of(record["messages"], "messages", where), where);
  } else if (has(record, "instruction") && record.contains("input")) {
    messages = alpaca(record, where);
  } else if (has(record, "query") || has(record, "response")) {
    messages = query_response(record, where);
  } else {
    fail(where, "unknown dataset schema: columns " + column_list(record), kAccepted);
  }
  const std::string system = text_of(record, "system", where);
  const bool has_system = !messages.empty() && messages[0]["role"] == "system";
  if (!system.empty() && !has_system) {
    messages.insert(messages.begin(), Json({{"role", "system"}, {"content", system}}));
  }
  return messages;
}

// Messages that hold nothing but one assistant text are pretraining text.
bool is_plain_text(const Json& messages) {
  return messages.size() == 1 && messages[0]["role"] == "assistant" && !messages[0].contains("tool_calls");
}

}  // namespace

Row to_row(Record record, const SchemaOptions& options) {
  Row row;
  row.where = record.where;
  if (options.keep_columns) row.columns = record.value;
  const Json mapped = map_columns(std::move(record.value), options.columns);
  if (has(mapped, "chat_template_kwargs"))
    row.columns["chat_template_kwargs"] = mapped["chat_template_kwargs"];
  if (has(mapped, "channel")) row.columns["channel"] = text_of(mapped, "channel", row.where);
  row.messages = messages_of(mapped, row.where);
  read_preference(mapped, row);
  if (mapped.contains("tools")) row.tools = normalise_tools(mapped["tools"], row.where);
  if (options.pretrain && is_plain_text(row.messages)) {
    row.text = row.messages[0]["content"].get<std::string>();
    row.messages = Json::array();
    if (row.text.empty()) fail(row.where, "the text is empty");
  }
  return row;
}

}  // namespace swift::data
