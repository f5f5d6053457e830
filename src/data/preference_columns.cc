#include "data/preference_columns.h"

#include <cmath>
#include <utility>

#include "data/messages.h"

namespace swift::data {
using base::Error;
using base::ExitCode;
using base::Json;
namespace {

[[noreturn]] void fail(const Row& row, const std::string& what, const std::string& hint = {}) {
  throw Error(ExitCode::data, what, row.where, hint);
}

const Json* column(const Json& record, const char* key) {
  const auto found = record.find(key);
  return found == record.end() || found->is_null() ? nullptr : &*found;
}

// The messages up to the last of the user's; with none of the user's, those before the last answer.
Json prompt_of(const Json& messages) {
  size_t end = messages.size();
  while (end > 0 && messages[end - 1]["role"] != "user") --end;
  if (end == 0) {
    end = messages.size();
    while (end > 0 && messages[end - 1]["role"] == "assistant") --end;
  }
  Json prompt = Json::array();
  for (size_t i = 0; i < end; ++i) prompt.push_back(messages[i]);
  return prompt;
}

// A whole conversation, or what follows the last user message.
Json joined(const Row& row, const Json& list) {
  Json answer = normalise_messages(list, row.where);
  for (const Json& message : answer) {
    if (message["role"] == "user" || message["role"] == "system") return answer;
  }
  Json all = prompt_of(row.messages);
  for (Json& message : answer) all.push_back(std::move(message));
  return all;
}

// The default system text of the row's own messages counts for the worse answer too.
void add_system(const Row& row, Json& rejected) {
  const bool has = !row.messages.empty() && row.messages[0]["role"] == "system";
  if (has && rejected[0]["role"] != "system") rejected.insert(rejected.begin(), row.messages[0]);
}

void read_rejected(const Json& record, Row& row) {
  const Json* messages = column(record, "rejected_messages");
  const Json* response = column(record, "rejected_response");
  if (messages != nullptr) {
    if (!messages->is_array()) fail(row, "column 'rejected_messages' is no list of messages");
    row.rejected = normalise_messages(*messages, row.where);
  } else if (response != nullptr && response->is_array() && !response->empty() &&
             (*response)[0].is_object()) {
    row.rejected = joined(row, *response);
  } else if (response != nullptr) {
    const Json& first = response->is_array() && !response->empty() ? (*response)[0] : *response;
    if (!first.is_string()) fail(row, "column 'rejected_response' is neither text nor a list of messages");
    row.rejected = prompt_of(row.messages);
    row.rejected.push_back({{"role", "assistant"}, {"content", first}});
  } else {
    return;
  }
  add_system(row, row.rejected);
}

std::optional<bool> label_of(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number() && (value == 0 || value == 1)) return value == 1;
  if (!value.is_string()) return std::nullopt;
  const std::string& text = value.get_ref<const std::string&>();  // of a CSV file
  if (text == "true" || text == "True" || text == "1") return true;
  if (text == "false" || text == "False" || text == "0") return false;
  return std::nullopt;
}

}  // namespace

void read_preference(const Json& record, Row& row) {
  read_rejected(record, row);
  if (const Json* label = column(record, "label")) row.label = label_of(*label);
  const Json* margin = column(record, "margin");
  if (margin == nullptr) return;
  if (margin->is_number() && std::isfinite(margin->get<double>())) {
    row.margin = margin->get<double>();
  } else {
    fail(row, "column 'margin' is no number");
  }
}

}  // namespace swift::data
