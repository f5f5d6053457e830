// What a chat template shows of tool calls and reasoning.
#pragma once
#include <string>

#include "text/chat_template.h"

namespace swift::infer::server {

// Conversations with a tool call and with thinking switched on and off, as the template renders them: the
// marks of its forms stand in this text. Conversations that the template refuses are left out.
std::string probe(const text::ChatTemplate& chat_template);

}  // namespace swift::infer::server
