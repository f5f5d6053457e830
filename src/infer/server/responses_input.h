// The Responses API's way to give a conversation, tools and a format, in terms of the chat API.
#pragma once
#include <optional>

#include "infer/server/fields.h"
#include "infer/server/tools.h"

namespace swift::infer::server {

// instructions and input as messages. Throws ApiError(400).
base::Json read_response_input(Fields& fields);
// tools with the function's members beside "type".
ToolUse read_response_tools(Fields& fields);
// text.format
std::optional<Constraint> read_text_format(Fields& fields);

}  // namespace swift::infer::server
