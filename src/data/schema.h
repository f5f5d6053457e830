// A record of any accepted schema as a Row (ms-swift's dataset rules).
#pragma once
#include <map>
#include <string>

#include "data/readers.h"
#include "data/sample.h"

namespace swift::data {

struct SchemaOptions {
  bool pretrain = false;                       // plain text is accepted, and assistant-only messages are text
  bool keep_columns = false;                   // Row.columns holds the record as it was read
  std::map<std::string, std::string> columns;  // renames, from -> to
};

// Schemas, in the order they are looked for: messages/conversations; instruction + input + output; query +
// response with history; text (pretrain). A "system" column becomes the first message unless there is one.
// Throws Error(data) at the record's place: unknown schema (names the columns found and what is accepted), or
// what is wrong with the row. Row.columns always keeps chat_template_kwargs
// and channel (as text). A preference column gives Row.rejected, Row.label or Row.margin: rejected_response
// (a text, or messages that replace all behind the last user message), rejected_messages, label, margin; and
// TRL's prompt, chosen and rejected.
Row to_row(Record record, const SchemaOptions& options);

}  // namespace swift::data
