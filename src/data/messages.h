// Message lists in the spellings found in datasets, brought to the one form that chat templates take:
// [{"role": system|user|assistant|tool|developer, "content": text, tool_calls?, reasoning_content?, ...,
// loss?, loss_scale?}].
#pragma once
#include "base/error.h"
#include "base/json.h"

namespace swift::data {

// Understands role/content and ShareGPT's from/value, role names human, gpt, bot, model, observation, …,
// the short form {"human": …, "assistant": …}, lists of text parts, the tool_call role of ms-swift and
// OpenAI's tool_calls (arguments written as text become an object). Keys that are null or unknown are
// dropped; "loss" (bool) and "loss_scale" (a factor of at least 0) stay. Throws Error(data) at `where` for an
// unknown role, a missing or non-text content, no messages.
base::Json normalise_messages(const base::Json& list, const base::Location& where);

// Tool schemas from a list, or the JSON text of one; null stays null. Throws Error(data).
base::Json normalise_tools(const base::Json& tools, const base::Location& where);

}  // namespace swift::data
