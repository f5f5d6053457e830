// Anthropic's way to give a conversation and tools, in terms of the chat API.
#pragma once
#include "infer/server/fields.h"
#include "infer/server/tools.h"

namespace swift::infer::server {

// system and messages. Throws ApiError(400).
base::Json read_anthropic_messages(Fields& fields);
// tools with input_schema; tool_choice auto, any, tool, none.
ToolUse read_anthropic_tools(Fields& fields);

}  // namespace swift::infer::server
