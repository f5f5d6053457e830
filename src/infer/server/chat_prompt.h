// The ids of a conversation's prompt.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "infer/server/context.h"
#include "infer/server/fields.h"

namespace swift::infer::server {

struct ChatPrompt {
  std::vector<int32_t> ids;
  base::Json messages;  // normalised
  // The template left an open <think> behind the conversation, so the answer begins with reasoning.
  bool open_reasoning = false;
};

// Reads messages, add_generation_prompt, continue_final_message, chat_template, chat_template_kwargs,
// reasoning_effort and documents. tools: null or an array. Throws ApiError(400) and base::Error(data).
ChatPrompt read_chat_prompt(Fields& fields, const base::Json& tools, Context& context);

// The same for messages that another API has brought into this form.
ChatPrompt chat_prompt(const base::Json& messages, const base::Json& tools, const base::Json& variables,
                       Context& context);

}  // namespace swift::infer::server
